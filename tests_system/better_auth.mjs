// better-auth as an OpenID provider with one client and one user, whose address is verified; all of it in memory.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const { PORT, SERVICE, USER, PASSWORD, METHOD, CLIENT_ID, CLIENT_SECRET } = process.env;
const tables = ["user", "session", "account", "verification", "jwks", "oauthClient", "oauthRefreshToken", "oauthAccessToken", "oauthConsent", "oauthResource", "oauthClientResource"];
const database = Object.fromEntries(tables.map((name) => [name, []]));
const auth = betterAuth({
  baseURL: `http://localhost:${PORT}`,
  secret: "a secret of a test that opens nothing else",
  database: memoryAdapter(database),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  plugins: [
    jwt({ jwt: { issuer: `http://localhost:${PORT}` } }),
    oauthProvider({ loginPage: "/login", consentPage: "/consent", scopes: ["openid", "email"] }),
  ],
});
await auth.api.signUpEmail({ body: { email: USER, password: PASSWORD, name: "Grace" } });
for (const user of database.user) user.emailVerified = true;
const { headers } = await auth.api.signInEmail({ body: { email: USER, password: PASSWORD }, returnHeaders: true });
const cookie = headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
await auth.api.adminCreateOAuthClient({
  // A web client may not have URLs of http, even on this machine.
  body: {
    application_type: "native",
    redirect_uris: [`${SERVICE}/oauth2/oidc/callback`],
    post_logout_redirect_uris: [`${SERVICE}/health`],
    token_endpoint_auth_method: METHOD,
    skip_consent: true,
    enable_end_session: true,
  },
  headers: new Headers({ cookie }),
});
// It chooses an id and a secret itself, and stores a digest of the secret.
const clientSecret = createHash("sha256").update(CLIENT_SECRET).digest("base64url");
Object.assign(database.oauthClient[0], { clientId: CLIENT_ID }, METHOD === "none" ? {} : { clientSecret });
const handle = toNodeHandler(auth);
createServer((request, response) => {
  if (!request.url.startsWith("/login")) return handle(request, response);
  response.end("<title>Sign in</title>");
}).listen(PORT, "localhost", () => console.log("ready"));
