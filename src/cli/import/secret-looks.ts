// Whether a named value is a secret, by its name and its form. What stands for a secret (a reference, an example) is none.

import { holdsPlaceholder } from '../../ground/placeholder-shape.ts'

const SECRET_NAME =
  /api.?key|access.?key|auth.?key|private.?key|signing.?key|encrypt(ion)?.?key|(^|[^a-z])key$|token|secret|passw|passphrase|credential|(^|[._-])(auth|pat|pwd)$/i
/** Names of secrets' neighbours: a path, an address, an id, a time of life. */
const NEIGHBOUR =
  /(file|path|dir|url|uri|host|port|user|username|email|name|type|ttl|expires?|expiry|count|limit|max|min|tokens|public.?key|key.?id|client.?id|enabled|length)$/i
const EXAMPLE =
  /^(changeme|change-me|todo|none|null|undefined|true|false|yes|no|on|off|test|dummy|example|placeholder|secret|password|token|redacted|\[?redacted\]?)$|^(your|my)[-_ ]|^<.*>$|^\[.*\]$|^\{\{.*\}\}$|^x{3,}|\*{3,}|\.{3,}|…/i

/** Whether a variable or member of this name holds a secret, where it has a value that can be one. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !NEIGHBOUR.test(name)
}

/** Whether a value can be a secret itself: not a reference to one, an example, a number, a path, a token of this gateway, or a placeholder. */
export function isSecretValue(value: string): boolean {
  if (value.length < 8 || EXAMPLE.test(value) || holdsPlaceholder(value)) return false
  if (/^\d+$/.test(value) || /^(~|\.{0,2})\/[\w./-]*$/.test(value)) return false
  if (/^\$(\{[^}]*\}|\w+)$/.test(value) || /^(clv_|svc_|claviger:|clauth:\/\/|op:\/\/|vault:\/\/)/.test(value))
    return false
  return !/^[a-z][a-z0-9+.-]*:\/\/[^@\s]*$/i.test(value)
}
