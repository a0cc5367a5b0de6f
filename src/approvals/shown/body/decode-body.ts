/** What a body holds, by its codings, its content type and, where that says little, by how it begins. */
import { createHash } from 'node:crypto'
import type { JsonValue } from '../../../ground/strict-json.ts'
import type { Warn } from '../shown.ts'
import { visibleLine } from '../visible.ts'
import { type MediaType, readMediaType } from './media-type.ts'
import { type FormPair, readForm } from './read-form.ts'
import { readJson } from './read-json.ts'
import { type Part, readParts } from './read-parts.ts'
import { readText } from './read-text.ts'
import { takeOffCodings } from './take-off-codings.ts'

export type Content =
  | { readonly kind: 'json'; readonly text: string; readonly value?: JsonValue }
  | { readonly kind: 'form'; readonly pairs: readonly FormPair[]; readonly more: number }
  | { readonly kind: 'multipart'; readonly parts: readonly Part[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'binary' }

export interface DecodedBody {
  /** As it is sent. */
  readonly sent: Buffer
  /** Hex, of what is sent. */
  readonly sha256: string
  readonly contentType: string | undefined
  readonly type: MediaType
  /** The codings that were taken off. */
  readonly from?: string
  /** Below the codings. */
  readonly bytes: Buffer
  readonly content: Content
}

export function decodeBody(
  sent: Buffer,
  contentType: string | undefined,
  contentEncoding: string | undefined,
  warn: Warn,
): DecodedBody {
  const type = readMediaType(contentType ?? '')
  if (type.odd) warn(`The content type ${visibleLine(contentType ?? '', 200)} can be read in more than one way.`)
  const bytes = contentEncoding === undefined ? sent : takeOffCodings(sent, contentEncoding, warn)
  const taken = contentEncoding !== undefined && bytes !== undefined && bytes !== sent
  return {
    sent,
    sha256: sha256(sent),
    contentType,
    type,
    ...(taken ? { from: contentEncoding } : {}),
    bytes: bytes ?? sent,
    content: bytes === undefined ? { kind: 'binary' } : contentOf(bytes, type, warn),
  }
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function contentOf(bytes: Buffer, type: MediaType, warn: Warn): Content {
  const charset = type.parameters.get('charset')
  if (type.type === 'application/x-www-form-urlencoded') {
    const text = readText(bytes, charset, warn)
    if (text !== undefined) return { kind: 'form', ...readForm(text, warn) }
  }
  if (type.type.startsWith('multipart/')) {
    const parts = readParts(bytes, type.parameters.get('boundary'), warn)
    if (parts !== undefined) return { kind: 'multipart', parts }
  }
  return plainContent(bytes, type, charset, warn)
}

/** JSON wherever it is some: many receivers read it as that whatever the content type says. */
function plainContent(bytes: Buffer, type: MediaType, charset: string | undefined, warn: Warn): Content {
  const says = isJsonType(type.type)
  const begins = bytes.subarray(0, 64).toString('latin1').trimStart()[0] ?? ''
  if (says || begins === '{' || begins === '[') {
    const json = readJson(bytes, warn)
    if (json !== undefined) return { kind: 'json', ...json }
    if (says) warn('The body says JSON and is not valid JSON.')
  }
  const text = readText(bytes, charset, warn)
  return text === undefined ? { kind: 'binary' } : { kind: 'text', text }
}

export function isJsonType(type: string): boolean {
  return type === 'application/json' || type === 'text/json' || type.endsWith('+json')
}
