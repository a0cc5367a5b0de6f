/**
 * A message of RFC 5322 with MIME (RFC 2045 to 2047, 2183, 2231): who it goes to, what it says, what hangs on it. Reads
 * what mail servers read and says what is odd; bounded in parts and depth.
 */
import { namesOf, readMediaType } from '../body/media-type.ts'
import { headField, type Part, readPart, readParts } from '../body/read-parts.ts'
import type { Warn } from '../shown.ts'

export interface MailFile {
  readonly name: string | undefined
  readonly type: string
  readonly bytes: Buffer
}

export interface Mail {
  readonly from: readonly string[]
  readonly sender: readonly string[]
  readonly replyTo: readonly string[]
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly subject: string | undefined
  readonly texts: readonly { readonly type: string; readonly text: string }[]
  readonly files: readonly MailFile[]
}

const MAX_DEPTH = 8

export function readMail(bytes: Buffer, warn: Warn): Mail {
  const message = readPart(bytes, warn)
  const texts: { type: string; text: string }[] = []
  const files: MailFile[] = []
  const take = (part: Part, depth: number): void => {
    const type = readMediaType(headField(part, 'content-type') ?? 'text/plain')
    const disposition = readMediaType(headField(part, 'content-disposition') ?? '')
    if (type.type.startsWith('multipart/') && depth < MAX_DEPTH) {
      const parts = readParts(part.bytes, type.parameters.get('boundary'), warn)
      for (const one of parts ?? []) take(one, depth + 1)
      if (parts !== undefined) return
    }
    const content = decodeTransfer(part, warn)
    const name = namesOf(disposition).file ?? type.parameters.get('name')
    const isText = type.type.startsWith('text/') && disposition.type !== 'attachment' && name === undefined
    if (isText) texts.push({ type: type.type, text: inCharset(content, type.parameters.get('charset')) })
    else files.push({ name: name === undefined ? undefined : decodeWords(name), type: type.type, bytes: content })
  }
  take(message, 0)
  const people = (name: string) => addressesOf(message, name)
  const subject = headField(message, 'subject')
  return {
    from: people('from'),
    sender: people('sender'),
    replyTo: people('reply-to'),
    to: people('to'),
    cc: people('cc'),
    bcc: people('bcc'),
    subject: subject === undefined ? undefined : decodeWords(subject),
    texts,
    files,
  }
}

/** The addresses of all fields of this name. Commas in quotes and comments separate nothing. */
function addressesOf(message: Part, name: string): string[] {
  const fields = message.head.filter(([one]) => one === name).map(([, value]) => value)
  return fields.flatMap((value) => splitAddresses(value)).map(decodeWords)
}

function splitAddresses(value: string): string[] {
  const found: string[] = []
  let isQuoted = false
  let depth = 0
  let from = 0
  for (let at = 0; at < value.length; at++) {
    const character = value[at]
    if (character === '\\') at++
    else if (character === '"' && depth === 0) isQuoted = !isQuoted
    else if (!isQuoted && character === '(') depth++
    else if (!isQuoted && character === ')') depth--
    else if (character === ',' && !isQuoted && depth <= 0) {
      found.push(value.slice(from, at))
      from = at + 1
    }
  }
  found.push(value.slice(from))
  return found.map((one) => one.trim()).filter((one) => one !== '')
}

const WORD = /=\?([^?\s*]{1,40})(?:\*[^?\s]*)?\?([bqBQ])\?([^?\s]*)\?=/g

/** Encoded words (RFC 2047) decoded; white space between two of them belongs to neither. */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  return text
    .replace(/(\?=)[\t\r\n ]+(?==\?)/g, '$1')
    .replace(WORD, (_word, charset: string, coding: string, encoded: string) => {
      const spaced = encoded.replaceAll('_', ' ')
      const bytes = coding.toLowerCase() === 'b' ? Buffer.from(encoded, 'base64') : unquote(Buffer.from(spaced, 'utf8'))
      return inCharset(bytes, charset)
    })
}

function decodeTransfer(part: Part, warn: Warn): Buffer {
  const coding = (headField(part, 'content-transfer-encoding') ?? '7bit').trim().toLowerCase()
  if (coding === 'base64') return Buffer.from(part.bytes.toString('latin1'), 'base64')
  if (coding === 'quoted-printable') return unquote(part.bytes)
  if (!['7bit', '8bit', 'binary', ''].includes(coding))
    warn('A part of the mail is in a coding that is not known here.')
  return part.bytes
}

/** Quoted-printable (RFC 2045 §6.7): soft line breaks taken out, escapes read, what is no escape left. */
function unquote(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replace(/=[\t ]*\r?\n/g, '')
  return Buffer.from(
    text.replace(/=([0-9A-Fa-f]{2})/g, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}

function inCharset(bytes: Buffer, charset: string | undefined): string {
  try {
    return new TextDecoder(charset ?? 'utf-8', { ignoreBOM: true }).decode(bytes)
  } catch {
    return bytes.toString('utf8')
  }
}
