// What header names mean to a gateway, and which names and values may pass at all. Two names are the same name when they
// are equal in lower case with `_` read as `-`: CGI-style servers cannot tell such names apart (THREATS B-04).

/** RFC 9110 §5.6.2 token without `_`: names with an underscore are refused everywhere. */
const NAME = /^[A-Za-z0-9!#$%&'*+.^`|~-]{1,256}$/
/** Printable ASCII and HTAB: narrower than RFC 9110 §5.5, which tolerates obs-text. */
const VALUE = /^[\t\x20-\x7e]*$/

export function isHeaderName(text: string): boolean {
  return NAME.test(text)
}

/** Whether the text can stand in a header value: no CR, LF, NUL, other control byte or non-ASCII. */
export function isHeaderValue(text: string): boolean {
  return VALUE.test(text)
}

/** The form in which names are compared. */
export function comparableName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** Belong to one connection only (RFC 9110 §7.6.1, RFC 9112, and what old proxies added). */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** `name` in lower case. */
export function isHopByHop(name: string): boolean {
  return hopByHop.has(name)
}

const credentialNames: ReadonlySet<string> = new Set([
  'access-token',
  'api-key',
  'api-token',
  'apikey',
  'auth',
  'auth-token',
  'authentication',
  'authorization',
  'bearer',
  'client-secret',
  'cookie',
  'cookie2',
  'credentials',
  'dd-api-key',
  'dd-application-key',
  'dpop',
  'job-token',
  'password',
  'private-key',
  'private-token',
  'proxy-authorization',
  'secret',
  'token',
  'x-amz-security-token',
  'x-app-key',
  'x-application-key',
  'x-auth',
  'x-authentication',
  'x-consul-token',
  'x-credentials',
  'x-deploy-token',
  'x-figma-token',
  'x-functions-key',
  'x-gitlab-token',
  'x-goog-iam-authorization-token',
  'x-honeycomb-team',
  'x-key',
  'x-linode-token',
  'x-octopus-apikey',
  'x-password',
  'x-pm-message-stream-token',
  'x-postmark-account-token',
  'x-postmark-server-token',
  'x-rapidapi-key',
  'x-redmine-api-key',
  'x-secret',
  'x-server-token',
  'x-subscription-token',
  'x-token',
  'x-trackertoken',
  'x-user-token',
  'x-vault-token',
])

const credentialEndings =
  /(?:^|-)(?:access-key|access-key-id|access-token|account-token|api-?key|api-token|auth-?key|auth-?token|authorization|bearer-token|client-secret|credentials?|id-token|jwt|oauth-token|passw(?:or)?d|personal-access-token|refresh-token|secret|secret-key|security-token|session-token|session-key|subscription-key|app-token|token-id)$/

/** Whether a header of this name (in comparable form) carries a credential, an account or a session to some API. */
export function isCredentialHeader(name: string): boolean {
  return credentialNames.has(name) || credentialEndings.test(name)
}

const forwardedNames: ReadonlySet<string> = new Set([
  'cdn-loop',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-ipcountry',
  'cf-ray',
  'cf-visitor',
  'client-ip',
  'fastly-client-ip',
  'forwarded',
  'front-end-https',
  'true-client-ip',
  'via',
  'wl-proxy-client-ip',
  'x-arr-ssl',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-host',
  'x-http-host-override',
  'x-http-path-override',
  'x-middleware-subrequest',
  'x-originating-ip',
  'x-override-url',
  'x-real-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-remote-user',
  'x-proxyuser-ip',
])

/** Whether the header says where a request came from or was meant for: believed by some upstreams, so never passed on. */
export function isForwardedHeader(name: string): boolean {
  return (
    forwardedNames.has(name) ||
    name.startsWith('x-forward') ||
    name.startsWith('x-envoy-') ||
    name.startsWith('x-original-') ||
    name.startsWith('x-rewrite-') ||
    name.startsWith('x-ssl-client') ||
    name.startsWith('x-client-cert')
  )
}

const methodOverrides: ReadonlySet<string> = new Set(['x-http-method', 'x-http-method-override', 'x-method-override'])

/** Whether the header asks the upstream to act on another method than the one that was decided on. */
export function isMethodOverride(name: string): boolean {
  return methodOverrides.has(name)
}

const singletons: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'date',
  'expect',
  'from',
  'host',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'max-forwards',
  'origin',
  'proxy-authorization',
  'range',
  'referer',
  'user-agent',
])

/** Whether the header may stand once only in a request: two of them and two readers may each take another one. */
export function isSingleton(name: string): boolean {
  return singletons.has(name)
}
