// What of a request's body stands in the record: names, and values that cannot be a secret (§3, AV-08).

import type { Canonical } from '../../ground/canonical-json.ts'
import { looksLikeCredential } from '../../ground/looks-like-credential.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import type { JsonObject } from './contract.ts'

export const REDACTED = '[REDACTED]'
const SENSITIVE = /token|secret|auth|api-?key/i
const MAX_TEXT = 200
const MAX_MEMBERS = 64
const MAX_DEPTH = 5

/** `params` keeps its keys alone: what is sent to a service may be a password, a letter, a name. */
export function redactedBody(body: JsonObject): Canonical {
  const { params, ...rest } = body
  const shown = redacted(rest, 0) as { readonly [name: string]: Canonical }
  return params === undefined ? shown : { ...shown, params: withoutValues(params, 0) }
}

function redacted(value: JsonValue, depth: number): Canonical | undefined {
  if (value === null) return undefined
  if (typeof value === 'string') return looksLikeCredential(value) ? REDACTED : value.slice(0, MAX_TEXT).toWellFormed()
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : String(value)
  if (typeof value === 'boolean') return value
  if (depth >= MAX_DEPTH) return REDACTED
  if (Array.isArray(value)) {
    return value.slice(0, MAX_MEMBERS).flatMap((item) => redacted(item, depth + 1) ?? [])
  }
  return members(value, (name, member) => (SENSITIVE.test(name) ? REDACTED : redacted(member, depth + 1)))
}

function withoutValues(value: JsonValue, depth: number): Canonical {
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return REDACTED
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((item) => withoutValues(item, depth + 1))
  return members(value, (_, member) => withoutValues(member, depth + 1))
}

/** The record's names are printable ASCII; one that looks like a key is none. */
function members(value: JsonObject, shown: (name: string, member: JsonValue) => Canonical | undefined): Canonical {
  const entries = Object.entries(value)
    .slice(0, MAX_MEMBERS)
    .map(([name, member]) => {
      const plain = /^[\x20-\x7e]{1,64}$/.test(name) && !looksLikeCredential(name)
      return [plain ? name : REDACTED, shown(name, member)] as const
    })
  return Object.fromEntries(entries)
}
