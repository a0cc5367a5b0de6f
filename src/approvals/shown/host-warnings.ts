/** What is odd about the place a call goes to (UTS 39: mixed scripts; RFC 5890: A-labels). */
import { isIP } from 'node:net'
import { domainToUnicode } from 'node:url'
import type { Warn } from './shown.ts'
import { visible } from './visible.ts'

const SCRIPTS = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Armenian',
  'Cherokee',
  'Coptic',
  'Georgian',
  'Hebrew',
  'Arabic',
  'Devanagari',
  'Thai',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Bopomofo',
].map((name) => ({ name, pattern: new RegExp(`\\p{sc=${name}}`, 'u') }))

/** Written together by Japanese, Koreans and Chinese (UTS 39 §5.2, highly restrictive). */
const together = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Hangul'],
  ['Latin', 'Han', 'Bopomofo'],
]

export function warnOfHost(origin: string, warn: Warn): void {
  const { scheme, host } = placeOf(origin)
  if (scheme !== 'https') warn(`${visible(scheme)}: what is sent, the credential too, can be read on the way.`)
  const address = host.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0) warn(`The host is a bare address, ${visible(address)}: nobody's name stands for it.`)
  const written = host.includes('xn--') ? domainToUnicode(host) : host
  if (written === '') warn(`The host ${visible(host)} has a label in punycode that stands for nothing.`)
  else if (written !== host) warn(`The host is written in punycode. It reads ${visible(written)}.`)
  for (const label of written.split('.')) warnOfLabel(label, warn)
}

function warnOfLabel(label: string, warn: Warn): void {
  const scripts = scriptsOf(label)
  if (scripts.length < 2 || together.some((set) => scripts.every((name) => set.includes(name)))) return
  warn(`The host mixes letters of ${scripts.join(' and ')} in ${visible(label)}: it may not be what it looks like.`)
}

export function scriptsOf(text: string): string[] {
  return SCRIPTS.filter(({ pattern }) => pattern.test(text)).map(({ name }) => name)
}

/** `https://api.example.com:8443` in parts; the host as it stands there. */
export function placeOf(origin: string): { readonly scheme: string; readonly host: string; readonly port: string } {
  const [, scheme = '', host = origin, port = ''] = /^([^:/]*):\/\/(\[[^\]]*\]|[^:]*)(?::([0-9]+))?$/.exec(origin) ?? []
  return { scheme, host: host.toLowerCase(), port }
}
