/** What services and their templates are described with: names, injection, actions. Data only. */
import { z } from 'zod'
import { placeholderShape } from '../ground/placeholder-shape.ts'
import { ASSURANCES } from '../policy/assurance.ts'

/** Part of URLs and of scopes. */
export const ServiceName = z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/, {
  error: 'lower-case letters, digits and . _ - between them, at most 64',
})
export const ActionName = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/, {
  error: 'letters, digits and . _ - between them, at most 64',
})
/** RFC 9110 §5.1, without `_`, which some servers take for `-`. */
const HeaderName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^`|~-]{1,64}$/)
export const QueryName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const Printable = z.string().regex(/^[\x20-\x7e]{1,512}$/)
export const Path = z.string().min(1).max(1024)
const AwsWord = /^[a-z0-9-]{1,64}$/
const Milliseconds = z.int().min(1).max(3_600_000)

export const Method = z.enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])
export const Risk = z.enum(['low', 'medium', 'high'])

export const Injection = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('bearer') }),
  z.strictObject({ kind: z.literal('header'), name: HeaderName }),
  z.strictObject({
    kind: z.literal('basic'),
    username: z
      .string()
      .regex(/^[\x21-\x39\x3b-\x7e]{1,256}$/)
      .optional(),
  }),
  z.strictObject({ kind: z.literal('query'), name: QueryName }),
  /** In the body, where a placeholder stands in one of the service's `bodyFields`; nothing is attached without one. */
  z.strictObject({ kind: z.literal('body') }),
  z.strictObject({ kind: z.literal('template'), name: HeaderName, template: Printable }),
  z.strictObject({
    kind: z.literal('path'),
    /** A segment with {secret}, put before the path when the request goes out. */
    segment: z.string().max(128),
    /** Where the path begins with one of these segments, it is put after that. */
    after: z
      .array(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/))
      .max(8)
      .optional(),
  }),
  z.strictObject({
    kind: z.literal('sigv4'),
    /** What the host says, if left out. */
    region: z.string().regex(AwsWord).optional(),
    service: z.string().regex(AwsWord).optional(),
    /** Bodies are not signed, and may be of any size. */
    unsignedPayload: z.literal(true).optional(),
  }),
  z.strictObject({
    kind: z.literal('hmac'),
    algorithm: z.enum(['sha256', 'sha384', 'sha512']),
    encoding: z.enum(['hex', 'base64']),
    /** How the secret is written; `text` if left out. */
    secretEncoding: z.enum(['text', 'hex', 'base64']).optional(),
    /**
     * With {method}, {path}, {query}, {target}, {host}, {header:name}, {timestamp}, {nonce}, {key_id}, and {body} or its digest:
     * {body_sha256}, {body_sha256_base64}, {body_sha512}, {body_sha512_base64}.
     */
    stringToSign: z.string().regex(/^[\x20-\x7e\n]{1,1024}$/),
    timestamp: z.enum(['seconds', 'milliseconds', 'iso8601', 'http-date']).optional(),
    /** Made anew for each request; `hex` if left out. */
    nonce: z.enum(['hex', 'uuid']).optional(),
    /** Name → value. One of these or of the query holds {signature}. */
    headers: z.record(HeaderName, Printable).optional(),
    /** Name → value, put behind the caller's query. */
    query: z.record(QueryName, Printable).optional(),
  }),
])

/** What stands for the key in the environment of clients: its form, and the variables in which they look for it. */
export const Placeholder = z.strictObject({
  /** `ghp_{36}`: what it begins with, and how many letters and digits follow; `{64:hex}`, `{34:letters}`, `{40:lower}`. */
  shape: z
    .string()
    .max(256)
    .refine((text) => placeholderShape(text) !== undefined, 'not a shape such as ghp_{36}: docs/guides/placeholders.md')
    .optional(),
  variables: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/))
    .min(1)
    .max(8)
    .optional(),
})

/** A member of a JSON body (RFC 6901, `/auth/token`; at the top its name alone), or a field of a form. */
export const BodyField = z
  .string()
  .regex(/^(?:[^~/\p{C}]+|(?:\/(?:[^~/\p{C}]|~[01])+)+)$/u)
  .max(200)

export const ActionInput = z.strictObject({
  method: Method,
  /** Path template: /repos/{owner}/{repo}. */
  path: Path,
  /** All are required. Without any, the class is. */
  scopes: z.array(z.string().max(200)).max(8).optional(),
  /** What the action is, whatever its method says; service:<class> is then enough beside the scopes. */
  class: z.enum(['read', 'write', 'delete']).optional(),
  risk: Risk.optional(),
  /** A human must say yes to each use: so surely, or by passkey where it is just `true`. */
  ask: z.union([z.boolean(), z.enum(ASSURANCES)]).optional(),
  /** The action is only meant where each of these keys has one of these values. */
  query: z.record(QueryName, z.union([z.string().max(512), z.array(z.string().max(512)).min(1).max(64)])).optional(),
  /** Sent along where the action is called by its name; a call that names method and path brings its own. */
  headers: z.record(HeaderName, Printable).optional(),
})

/** The request whose answer says whose credential it is: `pointer` (RFC 6901) leads to the name. */
export const Probe = z.strictObject({
  method: z.enum(['GET', 'POST']),
  path: Path,
  /** JSON that is sent, as text. */
  body: z.string().max(1024).optional(),
  pointer: z
    .string()
    .regex(/^(?:\/(?:[^~/]|~[01])*)+$/)
    .max(200),
})

export const Timeouts = z.strictObject({
  connectMs: Milliseconds.optional(),
  headersMs: Milliseconds.optional(),
  idleMs: Milliseconds.optional(),
})

/** Where tokens for a service come from, and how to ask there for a connection. Always https. */
export const OAuthPlaces = z.strictObject({
  /** RFC 8414: its metadata name the endpoints that are left out here, on the same origins. */
  issuer: Path.optional(),
  authorizationUrl: Path.optional(),
  tokenUrl: Path.optional(),
  /** RFC 8628. */
  deviceUrl: Path.optional(),
  /** Asked for unless the operator says others. */
  scopes: z.array(z.string().min(1).max(256)).max(64).optional(),
  /** How the client shows its secret; `post` unless said otherwise. */
  clientAuth: z.enum(['post', 'basic', 'none']).optional(),
  /** More members of the authorization request: `{"access_type": "offline"}`. */
  parameters: z.record(z.string().regex(/^[a-z_]{1,64}$/), z.string().max(512)).optional(),
})

export type ActionInput = z.output<typeof ActionInput>
export type Injection = z.output<typeof Injection>
export type Probe = z.output<typeof Probe>
export type Risk = z.output<typeof Risk>
