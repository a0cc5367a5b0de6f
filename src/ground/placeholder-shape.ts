/**
 * What a placeholder looks like: a text of a provider's form, which its clients take for a key, with a mark of ours behind the
 * provider's beginning. The mark is ten of the letters a to f, so that it fits into hexadecimal digits and into letters
 * alone; one search for it says whether a text can hold a placeholder at all.
 */
import { randomInt } from 'node:crypto'
import { looksLikeCredential } from './looks-like-credential.ts'

export const MARK = 'cfadebcafd'

/**
 * The public half of a pair that signs: AWS's ids of keys have capitals and 2 to 7 alone, 16 of them, too few for the whole
 * mark. It is sought where a signature names its key, and nowhere else.
 */
const KEY_ID_MARK = 'CFADEB'
export const KEY_ID_BEGINS = `AKIA${KEY_ID_MARK}`

const ALPHABETS = {
  alnum: '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
  letters: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
  lower: '0123456789abcdefghijklmnopqrstuvwxyz',
  hex: '0123456789abcdef',
  base32: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
} as const
type Alphabet = keyof typeof ALPHABETS

/** What is drawn behind the mark must be enough that no two are ever the same: 57 bits at the least. */
const SHORTEST: Readonly<Record<Exclude<Alphabet, 'base32'>, number>> = { alnum: 20, letters: 20, lower: 22, hex: 26 }
/** Of all shapes. */
export const SHORTEST_PLACEHOLDER = 20
const LONGEST = 200
const FORM = /^([A-Za-z0-9._:-]{0,128})\{([1-9]\d{1,2})(?::(alnum|letters|lower|hex))?\}([A-Za-z0-9]{0,16})$/

/** `sk-{48}`: what stands before and behind, and so many characters of an alphabet between. */
export interface PlaceholderShape {
  readonly before: string
  readonly length: number
  readonly alphabet: Alphabet
  readonly behind: string
}

/** Undefined for what is no shape. */
export function placeholderShape(text: string): PlaceholderShape | undefined {
  const [, before, digits, alphabet = 'alnum', behind] = FORM.exec(text) ?? []
  if (before === undefined || behind === undefined || text.includes(MARK)) return undefined
  const length = Number(digits)
  const isLongEnough = length >= SHORTEST[alphabet as keyof typeof SHORTEST] && length <= LONGEST
  return isLongEnough ? { before, length, alphabet: alphabet as Alphabet, behind } : undefined
}

/** What clients of AWS sign with. The id has 50 bits that are drawn: too few to be a secret, which it is not. */
export const AWS_KEY_ID: PlaceholderShape = { before: 'AKIA', length: 16, alphabet: 'base32', behind: '' }
export const AWS_SECRET: PlaceholderShape = { before: '', length: 40, alphabet: 'alnum', behind: '' }

/** A new one. Behind `before` it is one run of letters and digits: what it is known by. */
export function newPlaceholder({ before, length, alphabet, behind }: PlaceholderShape): { text: string; run: string } {
  const digits = ALPHABETS[alphabet]
  let run: string = alphabet === 'base32' ? KEY_ID_MARK : MARK
  while (run.length < length) run += digits[randomInt(digits.length)]
  run += behind
  return { text: before + run, run }
}

/** Whether it is one, or holds one. */
export function holdsPlaceholder(text: string): boolean {
  return text.includes(MARK) || text.startsWith(KEY_ID_BEGINS)
}

/** The run of letters and digits that begins with the mark at `at`. */
export function runAt(text: string, at: number): string {
  let end = at
  while (end < text.length && isAlphanumeric(text.charCodeAt(end))) end += 1
  return text.slice(at, end)
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
}

const HANDLE = 'clv_handle_'

/** How a credential is named where its secret will stand: to people, to rules, and in what a model writes. */
export function handleText(handle: string): string {
  return `${HANDLE}${handle}`
}

export function holdsHandle(text: string | Buffer): boolean {
  return text.includes(HANDLE)
}

/** Whether a text is such a name, and holds nothing else that should not be seen. */
export function isHandleText(text: string): boolean {
  return HANDLE_TEXT.test(text) && !looksLikeCredential(text.slice(HANDLE.length))
}

const HANDLE_TEXT = /^clv_handle_[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/
