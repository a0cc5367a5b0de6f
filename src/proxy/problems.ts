import { problemsOf } from '../ground/problem.ts'

/** How carrying a call out may fail. Each of these is an answer that the gateway made itself (RFC 9209). */
export const proxyProblems = {
  token_conflict: {
    status: 400,
    title: 'The call carries two different tokens',
    hint: 'Send the token once: as Authorization: Bearer, as x-api-key, or as Basic user or password.',
  },
  token_misplaced: {
    status: 400,
    title: 'A Claviger token stands where the service would see it',
    hint: 'Send the token only as Authorization: Bearer, as x-api-key, or as Basic user or password.',
  },
  placeholder_unknown: {
    status: 403,
    title: 'A placeholder in the call stands for nothing here',
    hint: 'It ended with its run or token, or was made for another agent. Start the command anew with `claviger run`, or have new ones made.',
  },
  placeholder_elsewhere: {
    status: 403,
    title: 'A placeholder in the call is for another service than the one that is called',
    hint: 'Send it to the hosts that it is for: `claviger placeholder list`.',
  },
  placeholder_misplaced: {
    status: 400,
    title: 'A placeholder stands where the service does not take its key',
    hint: 'Send it where the service has its key: `injection` and `bodyFields` of `claviger service show NAME`. Nothing else of the call may hold it.',
  },
  placeholder_unreadable: {
    status: 400,
    title: 'The fields of the body cannot be told for certain, and one of them may stand for the service’s key',
    hint: 'Send it without Content-Encoding, in UTF-8, as strict JSON (RFC 8259: no comments, each name once, nothing behind it) or as a form with & between its fields.',
  },
  header_refused: {
    status: 400,
    title: 'A header of the call cannot be forwarded',
    hint: 'Names hold letters, digits and -, values printable ASCII; methods are not overridden by header.',
  },
  credential_in_query: {
    status: 403,
    title: 'The query carries a credential of the caller, and this service is called with its own',
    hint: 'Leave the key out of the query: the gateway attaches the credential.',
  },
  credential_unusable: {
    status: 503,
    title: 'The credential is not what the service takes, or holds bytes other than printable ASCII',
    hint: 'An operator can store it again: `claviger credential rotate`.',
  },
  signing_unknown: {
    status: 503,
    title: 'The region or the service that a signature is for cannot be told from the host',
    hint: 'An operator can say them: `region` and `service` of the injection.',
  },
  signed_for_another: {
    status: 400,
    title: 'The client signed for another region or service of AWS than this host is signed for',
    hint: 'Set the client to the region that is `expected` here (AWS_REGION), and the hosts of that service; or an operator says `region` and `service` of the injection. Of signatures the gateway makes AWS4-HMAC-SHA256 alone.',
  },
  service_busy: {
    status: 503,
    title: 'As many calls to the service are running as may',
    hint: 'Wait for running calls to end.',
  },
  service_resting: {
    status: 503,
    title: 'The service failed many times in a row, so it is left alone for a moment',
    hint: 'Try again after the time in Retry-After.',
  },
  upstream_unreachable: { status: 502, title: 'The service cannot be reached' },
  upstream_connect_timeout: { status: 504, title: 'The service did not take the connection in time' },
  upstream_tls: { status: 502, title: 'The service could not prove who it is' },
  upstream_timeout: { status: 504, title: 'The service went silent for longer than it may' },
  upstream_broke: { status: 502, title: 'The service ended its answer before it was complete, or in a broken form' },
  upstream_unprocessed: {
    status: 503,
    title: 'The service turned the request away unread',
    hint: 'It is safe to send it again.',
  },
  upstream_handshake: {
    status: 502,
    title: 'The service switched to WebSockets in another way than it was asked to',
  },
  answer_too_large: {
    status: 502,
    title: 'The answer is larger than this way in takes',
    hint: 'Call /to/<service>/… instead: it streams.',
  },
  proxy_unauthenticated: {
    status: 407,
    title: 'The proxy wants a Claviger token',
    hint: 'Set HTTPS_PROXY=http://<token>@host:port, or run the command with `claviger run`.',
  },
  too_many_tunnels: {
    status: 503,
    title: 'As many tunnels are open as may be',
    hint: 'Close tunnels that are not used, or send more requests through each.',
  },
  service_ambiguous: {
    status: 409,
    title: 'Several services of this host allow the call',
    hint: 'Say which one is meant: call /to/<service>/… instead of the host, or grant one of them alone.',
  },
  caller_timeout: { status: 408, title: 'The call went silent before its body was complete' },
  call_ended: {
    status: 403,
    title: 'The call was ended: what allowed it was taken away',
    hint: 'An operator can say why.',
  },
} as const

export const proxyProblem = problemsOf(proxyProblems)
