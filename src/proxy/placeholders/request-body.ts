/**
 * Placeholders in a request's body. One that stands in a declared field is replaced there: by its credential's handle in what
 * rules and people see, by the secret in what is sent. Anywhere else, and in what cannot be read for certain, it stops the call before all of it went out.
 */
import type { AgentId } from '../../ground/ids.ts'
import { handleText, holdsHandle } from '../../ground/placeholder-shape.ts'
import type { Permit } from '../../policy/permit.ts'
import type { Opened } from '../inject.ts'
import { secretText } from '../secret-text.ts'
import { type BodyTransform, chained } from '../transform.ts'
import { transformedWhole } from '../transformed-body.ts'
import { type BodyForm, bodyForm } from './body-form.ts'
import { type Found, foundAt, markIn, misplaced, type PlaceholderBook, type PlacingService } from './book.ts'
import { Doubt, Unread, unreadable } from './doubt.ts'
import { FormFields } from './form-fields.ts'
import { type InField, JsonFields } from './json-fields.ts'
import { holdsMark, MarkScan } from './mark-scan.ts'

/** What a body that is sent passes through; undefined for one that is there already and holds nothing of ours. */
export function sentBody(
  book: PlaceholderBook,
  service: PlacingService,
  { call }: Permit,
  opened: Opened | undefined,
  headers: readonly string[],
  body: Buffer | undefined,
): BodyTransform | undefined {
  const { bodyFields } = service
  if (body === undefined && bodyFields === undefined && !book.inUse) return undefined
  const form = bodyForm(headers)
  const { kind, escapes } = form
  const replaces = bodyFields !== undefined && kind !== undefined && opened !== undefined
  if (bodyFields !== undefined && opened !== undefined) refuseCoded(form)
  if (body !== undefined && !holdsMark(body, escapes) && !(replaces && holdsHandle(body))) return undefined
  if (body === undefined && !replaces && !book.inUse) return undefined
  const scan = new MarkScan(escapes)
  if (!replaces) return scan
  const handle = book.handleOf(opened.id)
  const named = handle === undefined ? undefined : handleText(handle)
  const inField: InField = (value) => {
    if (value === named) return secretText(opened.value)
    const found = wholly(book, { agent: call.agent, service: call.service }, value)
    if (found === undefined) return undefined
    if (found.entry.credential !== opened.id) throw misplaced('another credential’s place', found.entry.id)
    return secretText(opened.value)
  }
  return chained([fields(form, bodyFields, inField), scan])
}

/** What rules and people see of a body. Throws Problem `placeholder_misplaced` and its like. */
export async function shownBody(
  book: PlaceholderBook,
  service: PlacingService | undefined,
  agent: AgentId,
  headers: readonly string[],
  body: Buffer,
): Promise<Buffer> {
  const form = bodyForm(headers)
  const { kind, escapes } = form
  if (service?.bodyFields !== undefined) refuseCoded(form)
  if (!holdsMark(body, escapes)) return body
  if (service?.bodyFields === undefined || kind === undefined) throw misplaced('the body')
  const inField: InField = (value) => {
    const found = wholly(book, { agent, service: service.id }, value)
    return found && handleText(book.handleOf(found.entry.credential) ?? found.entry.credential)
  }
  return transformedWhole(body, chained([fields(form, service.bodyFields, inField), new MarkScan(escapes)]))
}

function refuseCoded({ isCoded }: BodyForm): void {
  if (isCoded) throw unreadable('It has a Content-Encoding.')
}

function fields(
  { kind, escapes, doubt: why }: BodyForm,
  declared: ReadonlySet<string>,
  inField: InField,
): BodyTransform {
  if (escapes === undefined) throw new TypeError('a body without fields')
  if (why !== undefined) return new Unread(escapes, why)
  const doubt = new Doubt(escapes)
  return kind === 'json' ? new JsonFields(declared, inField, doubt) : new FormFields(declared, inField, doubt)
}

/** Undefined where there is none in it; it must be all there is. */
function wholly(book: PlaceholderBook, asking: Parameters<typeof foundAt>[1], value: string): Found | undefined {
  const at = markIn(value)
  if (at < 0) return undefined
  const found = foundAt(book, asking, value, at)
  if (found.text !== value) throw misplaced('a field with more beside it', found.entry.id)
  return found
}
