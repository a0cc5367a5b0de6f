/** The body as it is drawn, whatever a preview says of it. */
import { looksLikeCredential } from '../../../ground/looks-like-credential.ts'
import { isSecretName, MAX_NAME, MAX_VALUE, namedFact } from '../fact.ts'
import type { ShownBody, ShownPart } from '../shown.ts'
import { hidden, plural, visibleLine, visibleLines } from '../visible.ts'
import { type DecodedBody, isJsonType, sha256 } from './decode-body.ts'
import { layOutJson } from './json-layout.ts'
import { readMediaType } from './media-type.ts'
import { headField, namesOfPart, type Part, typeOfPart } from './read-parts.ts'
import { sniff } from './sniff.ts'

const textLimits = { characters: 60_000, lines: 2_000, perLine: 4_000 }
const partLimits = { characters: 4_000, lines: 200, perLine: 1_000 }
const MAX_FIELDS = 300
const MAX_PARTS = 100
const BEGINS = 48

export function showBody(body: DecodedBody): ShownBody {
  const { content, bytes } = body
  const common = {
    bytes: body.sent.length,
    sha256: body.sha256,
    ...(body.contentType === undefined ? {} : { contentType: visibleLine(body.contentType, 200) }),
    ...(body.from === undefined ? {} : { decoded: { from: visibleLine(body.from, 60), bytes: bytes.length } }),
  }
  switch (content.kind) {
    case 'json':
      return { kind: 'json', ...common, ...layOutJson(content.text) }
    case 'text':
      return { kind: 'text', ...common, ...visibleLines(content.text, textLimits) }
    case 'form': {
      const fields = content.pairs.slice(0, MAX_FIELDS).map(({ name, value }) => namedFact(name, value))
      const more = content.pairs.length - fields.length + content.more
      const long = content.pairs.some(({ name, value }) => name.length > MAX_NAME || value.length > MAX_VALUE)
      const cut = more > 0 ? `… ${plural(more, 'more field')}` : long ? '… and the rest of long fields' : undefined
      return { kind: 'form', ...common, fields, ...(cut === undefined ? {} : { cut }) }
    }
    case 'multipart': {
      const parts = content.parts.slice(0, MAX_PARTS).map(showPart)
      const more = content.parts.length - parts.length
      return { kind: 'multipart', ...common, parts, ...(more > 0 ? { cut: `… ${plural(more, 'more part')}` } : {}) }
    }
    case 'binary':
      return { kind: 'binary', ...common, type: sniff(bytes), begins: bytes.toString('hex', 0, BEGINS) }
  }
}

function showPart(part: Part): ShownPart {
  const { name, file } = namesOfPart(part)
  const type = headField(part, 'content-type')
  const [head, text] = [headOf(part), textOfPart(part, name ?? '')]
  const cut = [head.cut, text.cut].filter((one) => one !== undefined).join('; ')
  return {
    name: visibleLine(name ?? '', 200),
    ...(file === undefined ? {} : { fileName: visibleLine(file, 300) }),
    ...(type === undefined ? {} : { contentType: visibleLine(type, 200) }),
    ...head,
    bytes: part.bytes.length,
    sha256: sha256(part.bytes),
    ...text,
    ...(cut === '' ? {} : { cut }),
  }
}

/** Fields that neither its names nor its type say all of. */
function headOf(part: Part): { head?: string[]; cut?: string } {
  const more = part.head.filter(([name, value], at) => {
    const isFirst = part.head.findIndex(([one]) => one === name) === at
    if (name === 'content-type') return !isFirst
    if (name !== 'content-disposition') return true
    const { type, parameters, odd } = readMediaType(value)
    return !isFirst || odd || type !== 'form-data' || [...parameters.keys()].some((one) => !NAMES.has(one))
  })
  if (more.length === 0) return {}
  const head = more
    .slice(0, MAX_HEAD_FIELDS)
    .map(([name, value]) => `${visibleLine(name, 100)}: ${fieldValue(name, value)}`)
  const left = more.length - head.length
  return left === 0 ? { head } : { head, cut: `… ${plural(left, 'more field')} of its head` }
}

const NAMES = new Set(['name', 'filename'])
const MAX_HEAD_FIELDS = 20

function fieldValue(name: string, value: string): string {
  return isSecretName(name) || looksLikeCredential(value) ? hidden(value) : visibleLine(value, 500)
}

function textOfPart(part: Part, name: string): { lines?: string[]; cut?: string } {
  const { type } = typeOfPart(part)
  if (!type.startsWith('text/') && !isJsonType(type)) return {}
  if (part.bytes.subarray(0, 4_096).includes(0)) return {}
  const text = part.bytes.toString('utf8')
  return text !== '' && isSecretName(name) ? { lines: [hidden(text)] } : visibleLines(text, partLimits)
}
