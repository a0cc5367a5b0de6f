import { problemsOf } from '../ground/problem.ts'

/** What can be wrong with a request before any room looks at it. */
export const httpProblems = {
  request_invalid: {
    status: 400,
    title: 'The request does not have the promised shape',
    hint: 'See docs/openapi.json for this endpoint.',
  },
  media_type_refused: {
    status: 415,
    title: 'The body is not of the type that is read here',
    hint: 'Send content-type: application/json.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is larger than this endpoint reads',
    hint: 'Operators may send 1 MiB and calls 1 MiB, agents 64 KiB elsewhere, and anyone 4 KiB.',
  },
  target_form_refused: {
    status: 400,
    title: 'The request target must be a path',
    hint: 'Send GET /path HTTP/1.1, not an absolute URL or *.',
  },
  target_too_long: { status: 414, title: 'The request target is longer than 8 KiB' },
  header_conflict: { status: 400, title: 'A header that may stand once was sent more than once' },
  headers_too_large: { status: 431, title: 'The headers are larger than 16 KiB or more than 100' },
  http_malformed: { status: 400, title: 'The request is not well-formed HTTP/1.1' },
  request_timeout: { status: 408, title: 'The request head did not arrive in time' },
  host_refused: {
    status: 421,
    title: 'This gateway does not answer to that Host',
    hint: 'Use the address it listens on, or name the host in CLAVIGER_ALLOWED_HOSTS.',
  },
  https_required: {
    status: 426,
    title: 'Plain HTTP from another machine is refused here',
    hint: 'Use https. Behind a proxy that ends TLS, name the proxy in CLAVIGER_TRUSTED_PROXIES.',
  },
  cross_site_refused: { status: 403, title: 'A web page of another site may not call the gateway' },
  unauthenticated: {
    status: 401,
    title: 'The call carries no valid token',
    hint: 'Send Authorization: Bearer <token>, or call /a/<token>/…. A token is issued with `claviger token issue <agent>`; `claviger login` gets one for an agent with a key.',
  },
  caller_refused: { status: 403, title: 'This endpoint is not for this kind of caller' },
  role_refused: {
    status: 403,
    title: 'This operator may not do that',
    hint: 'Auditors read, approvers answer approvals too, owners do everything: ask an owner.',
  },
  endpoint_unknown: {
    status: 404,
    title: 'There is no such endpoint',
    hint: 'Calls to a service go to /to/<service>/<path>; the native API is under /claviger/v1.',
  },
  method_refused: { status: 405, title: 'This endpoint does not take that method' },
  streams_crowded: {
    status: 429,
    title: 'This caller, or all together, hold as many streams of events open as they may',
    hint: 'Close one (four are one caller’s), or ask for how things stand instead.',
  },
  connect_refused: { status: 403, title: 'CONNECT is refused: no tunnel is opened' },
  upgrade_refused: {
    status: 501,
    title: 'This endpoint does not switch protocols',
    hint: 'WebSockets are carried to services: ws://<gateway>/to/<service>/<path>, or through the proxy.',
  },
  internal_error: {
    status: 500,
    title: 'The gateway failed; the call was not carried out',
    hint: 'The log holds the reason under this requestId.',
  },
} as const

export const httpProblem = problemsOf(httpProblems)
