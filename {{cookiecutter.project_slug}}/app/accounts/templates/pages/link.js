const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const token = new URLSearchParams(location.search).get("token");

// Remove the token from the address bar, so that neither the history nor a shared screen shows it.
history.replaceState(null, "", location.pathname);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  status.textContent = "";
  status.className = "refused";
  const fields = Object.fromEntries(new FormData(form));
  const body = JSON.stringify(token === null ? fields : { token, ...fields });
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
    if (answer.ok) {
      status.className = "done";
      status.textContent = form.dataset.done;
      form.hidden = true;
      document.querySelector("#next")?.removeAttribute("hidden");
      return;
    }
    const problem = await answer.json();
    const reasons = (problem.errors ?? []).map((error) => error.message);
    status.textContent = [problem.title, problem.detail, ...reasons].filter(Boolean).join(" ");
  } catch {
    status.textContent = "The service did not answer. Try again in a moment.";
  }
  button.disabled = false;
});
