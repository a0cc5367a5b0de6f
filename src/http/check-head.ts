import type { IncomingMessage } from 'node:http'
import type { Problem } from '../ground/problem.ts'
import { httpProblem } from './problems.ts'

const MAX_TARGET = 8 * 1024
const MAX_HEADERS = 100

/** Made once: the hot path only compares. */
const refusals = {
  form: httpProblem('target_form_refused'),
  long: httpProblem('target_too_long'),
  many: httpProblem('headers_too_large'),
  host: httpProblem('host_refused'),
  twice: httpProblem('header_conflict', { detail: 'Host stands more than once' }),
  site: httpProblem('cross_site_refused'),
  upgrade: httpProblem('upgrade_refused'),
}

/** What a listener lets in beyond the usual; what is left out is refused. */
export interface Allowed {
  /** Whether a target is a page that links of other sites may lead to. */
  readonly isPage?: ((url: string) => boolean) | undefined
  /** Whether a page of another site may ask this. */
  readonly mayCross?: ((request: IncomingMessage) => boolean) | undefined
  /** Whether a WebSocket may be asked for there. */
  readonly mayUpgrade?: ((url: string) => boolean) | undefined
}

const nothing: Allowed = Object.freeze({})

/**
 * Judges a request head before anything else sees it: form and length of the target, number of headers, and `Host`,
 * which must be one of `hosts` exactly (a rebinding page sends its own name). `hosts` is undefined on a Unix socket,
 * where no name is involved. Returns the refusal, or undefined.
 */
export function checkHead(
  request: IncomingMessage,
  hosts: ReadonlySet<string> | undefined,
  { isPage, mayCross, mayUpgrade }: Allowed = nothing,
): Problem | undefined {
  const target = request.url ?? ''
  if (target.charCodeAt(0) !== 0x2f) return refusals.form
  if (target.length > MAX_TARGET) return refusals.long
  const raw = request.rawHeaders
  if (raw.length > 2 * MAX_HEADERS) return refusals.many
  let seen = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') seen += 1
  }
  if (seen > 1) return refusals.twice
  if (hosts !== undefined && !hosts.has((request.headers.host ?? '').toLowerCase())) return refusals.host
  if (request.headers['sec-fetch-site'] === 'cross-site' && !isVisit(request, isPage) && mayCross?.(request) !== true)
    return refusals.site
  if (request.headers.upgrade?.toLowerCase() === 'websocket' && mayUpgrade?.(target) !== true) return refusals.upgrade
  return undefined
}

/** Somebody who follows a link to a page, in a window of its own. Nothing else of other sites comes in. */
function isVisit({ method, url = '', headers }: IncomingMessage, isPage?: (url: string) => boolean): boolean {
  if (isPage === undefined || method !== 'GET' || !isPage(url)) return false
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
}

/**
 * The names a listener answers to: its own address, the loopback names where it is loopback, and what was configured.
 * `usual` is the port that clients leave out: 80, with TLS 443.
 */
export function hostNames(address: string, port: number, extra: readonly string[], usual = 80): ReadonlySet<string> {
  const names = new Set<string>()
  const add = (name: string) => {
    names.add(`${name}:${port}`)
    if (port === usual) names.add(name)
  }
  const bracketed = address.includes(':') ? `[${address}]` : address
  if (address !== '0.0.0.0' && address !== '::') add(bracketed)
  for (const name of ['127.0.0.1', 'localhost', '[::1]']) add(name)
  for (const name of extra) names.add(name.toLowerCase()).add(`${name.toLowerCase()}:${port}`)
  return names
}
