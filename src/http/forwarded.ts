// What proxies in front say about where a request came from. Pure; whom to believe is decided in client-address.ts.
import { addressText } from '../ground/address-text.ts'

/** One hop as a proxy wrote it. `address` is undefined where it does not say one (`unknown`, `_hidden`). */
export interface Hop {
  readonly address: string | undefined
  /** Whether the hop came over TLS; undefined where it is not said. */
  readonly secure: boolean | undefined
}

/** `none`: nothing was forwarded. `unclear`: something was, and it cannot be believed. Else one account or two, each of hops, nearest last. */
export type Forwarded = 'none' | 'unclear' | readonly (readonly Hop[])[]

const MAX_HOPS = 32
/** Whoever sends one of these passes on what came from elsewhere. */
const tellTale = /^(?:x-forwarded(?:-.+)?|forwarded|x-real-ip|via)$/

/**
 * Reads `X-Forwarded-For` with `X-Forwarded-Proto`, and `Forwarded` (RFC 7239), from raw headers: each kind is an account
 * of its own, because a client may add the kind that its proxy does not write. Each header may stand once: of two lines
 * nobody knows which the proxy wrote.
 */
export function readForwarded(rawHeaders: readonly string[]): Forwarded {
  const seen: Record<string, string[]> = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    if (tellTale.test(name)) seen[name] = [...(seen[name] ?? []), rawHeaders[at + 1] as string]
  }
  if (Object.keys(seen).length === 0) return 'none'
  const [list, proto, standard] = [seen['x-forwarded-for'], seen['x-forwarded-proto'], seen.forwarded]
  if ([list, proto, standard].some((lines) => lines !== undefined && lines.length > 1)) return 'unclear'
  const accounts: (readonly Hop[])[] = []
  if (list !== undefined || proto !== undefined) {
    const secure = proto === undefined ? undefined : readProto(proto[0] as string)
    if (secure === 'unclear') return 'unclear'
    accounts.push(list === undefined ? [{ address: undefined, secure }] : readList(list[0] as string, secure))
  }
  if (standard !== undefined) {
    const hops = readStandard(standard[0] as string)
    if (hops === 'unclear') return 'unclear'
    accounts.push(hops)
  }
  return accounts.length === 0 ? 'unclear' : accounts
}

function readProto(text: string): boolean | undefined | 'unclear' {
  const word = text.trim().toLowerCase()
  return word === 'https' || word === 'http' ? word === 'https' : 'unclear'
}

function readList(text: string, secure: boolean | undefined): Hop[] {
  const parts = text.split(',').slice(-MAX_HOPS)
  return parts.map((part) => ({ address: readNode(part.replace(/^[ \t]+|[ \t]+$/g, '')), secure }))
}

/** An address, with or without a port; IPv6 with a port stands in brackets (RFC 7239 §6). */
function readNode(text: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15}))(?::[0-9]{1,5})?$/.exec(text)
  return addressText(match === null ? text : (match[1] ?? (match[2] as string)))
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const pairForm = new RegExp(`^(${token})=(?:(${token})|"((?:[^"\\\\]|\\\\.)*)")`)

/** `Forwarded` as RFC 7239 §4 writes it. One thing that does not fit makes all of it unclear: a quote may swallow the rest. */
function readStandard(text: string): Hop[] | 'unclear' {
  const hops: Hop[] = []
  let rest = text.trim()
  for (;;) {
    const element: Record<string, string> = {}
    for (;;) {
      const match = pairForm.exec(rest)
      if (match === null) return 'unclear'
      const name = (match[1] as string).toLowerCase()
      if (name in element) return 'unclear'
      element[name] = match[2] ?? (match[3] as string).replace(/\\(.)/g, '$1')
      rest = rest.slice(match[0].length)
      if (!rest.startsWith(';')) break
      rest = rest.slice(1)
    }
    const secure = element.proto === undefined ? undefined : readProto(element.proto)
    if (secure === 'unclear') return 'unclear'
    hops.push({ address: element.for === undefined ? undefined : readNode(element.for), secure })
    rest = rest.trimStart()
    if (rest === '') return hops.slice(-MAX_HOPS)
    if (!rest.startsWith(',')) return 'unclear'
    rest = rest.slice(1).trimStart()
  }
}
