/** What a preview is made of, and how it reaches into JSON and forms that may hold anything. */
import type { JsonValue } from '../../../ground/strict-json.ts'
import type { CallAction } from '../../action.ts'
import type { DecodedBody } from '../body/decode-body.ts'
import type { FormPair } from '../body/read-form.ts'
import { fact, isSecretName } from '../fact.ts'
import type { Fact, Preview, Quoted, Warn } from '../shown.ts'
import { visible, visibleLine, visibleLines } from '../visible.ts'

export interface PreviewRequest {
  readonly action: CallAction
  /** In lower case, without port. */
  readonly host: string
  /** As it is sent. */
  readonly path: string
  /** Decoded. */
  readonly query: readonly FormPair[]
  /** None where the call has none. */
  readonly body: DecodedBody | undefined
}

/** Undefined where the call is not what it knows. */
export type MakePreview = (request: PreviewRequest, warn: Warn) => Preview | undefined

export type JsonObject = { readonly [name: string]: JsonValue }

export function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

export function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function member(object: JsonObject | undefined, name: string): JsonValue | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined
}

/** The JSON object that the call carries. */
export function jsonOf(request: PreviewRequest): JsonObject | undefined {
  const content = request.body?.content
  return content?.kind === 'json' ? objectOf(content.value) : undefined
}

/** A fact where the value is there; what is not text is written as JSON. */
export function maybeFact(name: string, value: JsonValue | undefined): Fact | undefined {
  if (value === undefined || value === null) return undefined
  return fact(name, typeof value === 'string' ? value : JSON.stringify(value, withoutSecrets))
}

function withoutSecrets(name: string, value: unknown): unknown {
  return typeof value === 'object' || value === '' || !isSecretName(name) ? value : '[hidden]'
}

/** So many of a list of texts as one fact, the number of the others said. */
export function listFact(name: string, values: readonly string[], most = 50): Fact | undefined {
  if (values.length === 0) return undefined
  const shown = values.slice(0, most).map((value) => visibleLine(value, 200))
  const more = values.length > most ? ` … and ${values.length - most} more` : ''
  return { name, value: shown.join(', ') + more, kind: 'text' }
}

const quotedLimits = { characters: 8_000, lines: 300, perLine: 1_000 }

export function quote(name: string, text: string): Quoted {
  return { name: visible(name), ...visibleLines(text, quotedLimits) }
}

export function maybeQuote(name: string, value: JsonValue | undefined): Quoted[] {
  return typeof value === 'string' && value !== '' ? [quote(name, value)] : []
}
