// Which headers of a service's answer reach the caller. An allow-list: what is not known to be useful and harmless stays
// behind, because a header can order a browser about, plant cookies, or speak in the gateway's own name.
import { isHopByHop } from './header-names.ts'

const standard: ReadonlySet<string> = new Set([
  'accept',
  'accept-patch',
  'accept-post',
  'accept-query',
  'accept-ranges',
  'age',
  'allow',
  'cache-control',
  'cache-status',
  'client-request-id',
  'correlation-id',
  'date',
  'deprecation',
  'digest',
  'docker-distribution-api-version',
  'docker-content-digest',
  'etag',
  'expires',
  'grpc-message',
  'grpc-status',
  'idempotency-key',
  'idempotent-replayed',
  'last-event-id',
  'last-modified',
  'link',
  'location',
  'mcp-protocol-version',
  'mcp-session-id',
  'ms-correlation-id',
  'operation-location',
  'original-request',
  'pragma',
  'preference-applied',
  'range',
  'repr-digest',
  'request-id',
  'retry-after',
  'retry-after-ms',
  'server',
  'server-timing',
  'signature',
  'signature-input',
  'sunset',
  'trace-id',
  'traceparent',
  'tracestate',
  'upload-offset',
  'vary',
  'want-digest',
  'warning',
  'www-authenticate',
])

/** What vendors put before the names of headers of their own. */
const vendorPrefixes =
  /^(?:x-|content-|ratelimit|rate-limit|upload-|tus-|openai-|anthropic-|stripe-|slack-|github-|gitlab-|discord-|twilio-|azure-|azureml-|apim-|ms-|aws-|amz-|amzn-|goog-|google-|cf-|apigw-|notion-|shopify-|square-|paypal-|zendesk-|atl-|dd-|ot-|sentry-|linear-|mistral-|mistralai-|cohere-|groq-|replicate-|llm-|nvcf-|helicone-|langsmith-|portkey-|fireworks-|together-|openrouter-|elevenlabs-|character-|history-|grpc-|odata|dav|xet-|hf-)/

const refused: ReadonlySet<string> = new Set([
  'content-security-policy',
  'content-security-policy-report-only',
  'content-length',
  'content-signature-policy',
  'x-content-security-policy',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-forwarded-for',
  'x-frame-options',
  'x-http-method-override',
  'x-lighttpd-send-file',
  'x-permitted-cross-domain-policies',
  'x-reproxy-url',
  'x-sendfile',
  'x-sendfile2',
  'x-sourcemap',
  'x-ua-compatible',
  'x-webkit-csp',
  'x-xss-protection',
])

/** Prefixes with which an answer would order about the server in front of us, or speak of the caller's credentials. */
const refusedPrefixes =
  /^(?:x-accel-|x-forwarded|x-original-|x-rewrite-|x-litespeed-|x-set-cookie|x-goog-iap-|x-amzn-remapped-(?:set-cookie|host|connection))/

/** Whether a header of this name, in lower case, goes on to the caller. `Content-Length` is made anew, so it does not. */
export function passesToCaller(name: string): boolean {
  if (isHopByHop(name) || refused.has(name) || refusedPrefixes.test(name)) return false
  return standard.has(name) || vendorPrefixes.test(name)
}
