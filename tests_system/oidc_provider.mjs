// oidc-provider with one client, from the environment; its own pages sign in under any name that is typed.
import { Provider } from "oidc-provider";

const { PORT, SERVICE } = process.env;
const registered = Object.entries(process.env).filter(([name]) => name.startsWith("CLIENT_"));
const client = Object.fromEntries(registered.map(([name, value]) => [name.slice(7), value === "true" ? true : value]));
const paths = ["/oauth2/oidc/callback", "/oauth2-associate/oidc/callback"];

new Provider(`http://localhost:${PORT}`, {
  clients: [{
    ...client,
    redirect_uris: paths.map((path) => SERVICE + path),
    post_logout_redirect_uris: [`${SERVICE}/health`],
    backchannel_logout_uri: `${SERVICE}/oauth2/oidc/backchannel-logout`,
    backchannel_logout_session_required: true,
    grant_types: ["authorization_code"],
  }],
  // By default it calls no addresses of private networks.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    jwtUserinfo: { enabled: true },
    pushedAuthorizationRequests: { requirePushedAuthorizationRequests: client.require_pushed_authorization_requests === true },
  },
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: true }) }),
}).listen(PORT, "localhost", () => console.log("ready"));
