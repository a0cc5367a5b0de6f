import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'

/** The plain encodings of the test programme, numbers (1)–(13). Each turns a secret into the bytes an upstream might echo. */
const everyCharacter = (text: string, write: (code: number) => string): Buffer =>
  Buffer.from(Array.from(Buffer.from(text, 'latin1'), write).join(''), 'latin1')

const hexOf = (code: number): string => code.toString(16).padStart(2, '0')
const reserved = /[^0-9A-Za-z\-._~]/g
const percentReserved = (text: string): string =>
  text.replace(reserved, (c) => `%${hexOf(c.charCodeAt(0)).toUpperCase()}`)
const percentEvery = (text: string): string => everyCharacter(text, (code) => `%${hexOf(code)}`).toString('latin1')

/** base64 of `text` after `shift` other bytes and before two more, so that it does not lie on a group's border. */
function base64At(text: string, shift: number, alphabet: 'base64' | 'base64url'): Buffer {
  return Buffer.from(Buffer.from(`${'>>?'.slice(0, shift)}${text}>?`, 'latin1').toString(alphabet), 'latin1')
}

function utf16(text: string, bigEndian: boolean): Buffer {
  const bytes = Buffer.from(text, 'utf16le')
  return bigEndian ? bytes.swap16() : bytes
}

export const plainEncodings: Readonly<Record<string, (text: string) => Buffer>> = {
  raw: (text) => Buffer.from(text, 'latin1'),
  'base64-0': (text) => base64At(text, 0, 'base64'),
  'base64-1': (text) => base64At(text, 1, 'base64'),
  'base64-2': (text) => base64At(text, 2, 'base64'),
  'base64url-0': (text) => base64At(text, 0, 'base64url'),
  'base64url-1': (text) => base64At(text, 1, 'base64url'),
  'base64url-2': (text) => base64At(text, 2, 'base64url'),
  'hex-lower': (text) => Buffer.from(Buffer.from(text, 'latin1').toString('hex'), 'latin1'),
  'hex-upper': (text) => Buffer.from(Buffer.from(text, 'latin1').toString('hex').toUpperCase(), 'latin1'),
  'hex-parted': (text) => Buffer.from(Array.from(Buffer.from(text, 'latin1'), hexOf).join(' '), 'latin1'),
  'percent-reserved': (text) => Buffer.from(percentReserved(text), 'latin1'),
  'percent-every-lower': (text) => Buffer.from(percentEvery(text), 'latin1'),
  'percent-every-upper': (text) => everyCharacter(text, (code) => `%${hexOf(code).toUpperCase()}`),
  'percent-double': (text) => Buffer.from(percentReserved(percentReserved(text)), 'latin1'),
  'percent-double-every': (text) => everyCharacter(text, (code) => `%25${hexOf(code)}`),
  'json-u': (text) => everyCharacter(text, (code) => `\\u00${hexOf(code)}`),
  'html-decimal': (text) => everyCharacter(text, (code) => `&#${code};`),
  'html-hex': (text) => everyCharacter(text, (code) => `&#x${hexOf(code)};`),
  utf16le: (text) => utf16(text, false),
  utf16be: (text) => utf16(text, true),
}

/** Encoding (14): any of the plain ones inside one of these. Named as in `content-encoding`. */
export const compressions: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
}
