// What comes from browsers to the operators' listener (K-02, K-07, G-10): from our own pages, with both halves of a session.
import type { IncomingMessage } from 'node:http'
import { httpProblem } from '../../http/problems.ts'
import type { OperatorPrincipal } from '../contract.ts'
import { peopleProblem } from './contract.ts'
import { type Party, partyOf } from './party.ts'
import type { People } from './people.ts'
import { SESSION_LIFE_MS } from './person-sessions.ts'

/**
 * The prefix has browsers hold that the cookie is Secure, of this host alone and for all its paths. Chromium and Firefox take
 * it from `http://localhost` too, which they count as secure.
 */
const COOKIE = '__Host-clv'
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict'
export const CSRF_HEADER = 'claviger-csrf'

export function setCookie(token: string): Readonly<Record<string, string>> {
  return { 'set-cookie': `${COOKIE}=${token}; Max-Age=${SESSION_LIFE_MS / 1_000}; ${ATTRIBUTES}` }
}

export function clearCookie(): Readonly<Record<string, string>> {
  return { 'set-cookie': `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}` }
}

/** A cookie's value, the session's unless named. Undefined for none, and for two: somebody else set one of them. */
export function cookieOf({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, wanted = COOKIE): string | undefined {
  const found: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== 'cookie') continue
    for (const pair of (rawHeaders[at + 1] as string).split(';')) {
      const [name, value = ''] = pair.trim().split('=', 2)
      if (name === wanted) found.push(value)
    }
  }
  return found.length === 1 ? found[0] : undefined
}

export class PageGuard {
  readonly #people: People

  constructor(people: People) {
    this.#people = people
  }

  /** Refuses what the page of another origin sends, whatever it shows. Throws Problem `origin_refused`. */
  refuseForeign({ headers }: IncomingMessage): void {
    const { origin, 'sec-fetch-site': site } = headers
    if (origin !== undefined && this.#partyOf(headers) === undefined) throw peopleProblem('origin_refused')
    // Another port of this machine is the same site, and not us.
    if (site !== undefined && site !== 'same-origin' && site !== 'none') throw peopleProblem('origin_refused')
  }

  /** The page that a request comes from, which must be one of ours. Throws Problems `origin_refused`, `media_type_refused`. */
  demandOwn({ headers }: IncomingMessage): Party {
    const party = this.#partyOf(headers)
    if (party === undefined) throw peopleProblem('origin_refused')
    refuseOtherTypes(headers)
    return party
  }

  /**
   * Who is signed in; undefined where a half of the session is missing or nobody's. Throws Problem `origin_refused` for a
   * change that does not say that it comes from our page.
   */
  session(request: IncomingMessage): OperatorPrincipal | undefined {
    const { headers, method } = request
    const [cookie, csrf] = [cookieOf(request), headers[CSRF_HEADER]]
    if (cookie === undefined || typeof csrf !== 'string') return undefined
    const party = method === 'GET' ? this.#partyByHost(headers) : this.demandOwn(request)
    return party && this.#people.recognise(cookie, csrf, party)
  }

  /** By `Origin`, and the `Host` must be of it: what a proxy in front rewrites is not the page's. */
  #partyOf({ origin, host = '' }: IncomingMessage['headers']): Party | undefined {
    const party = partyOf(this.#people.room.parties(), origin)
    return party !== undefined && hostsOf(party).includes(host.toLowerCase()) ? party : undefined
  }

  /** Browsers leave `Origin` out of a page's own readings. */
  #partyByHost({ host = '' }: IncomingMessage['headers']): Party | undefined {
    return this.#people.room.parties().find((party) => hostsOf(party).includes(host.toLowerCase()))
  }
}

function hostsOf({ origin }: Party): string[] {
  const { host, hostname, port, protocol } = new URL(origin)
  return port === '' ? [host, `${hostname}:${protocol === 'https:' ? 443 : 80}`] : [host]
}

/** Exactly: a page of another site may send the types that forms have, and nothing else, unasked. */
function refuseOtherTypes(headers: IncomingMessage['headers']): void {
  const type = headers['content-type']
  if (type !== undefined && type !== 'application/json') throw httpProblem('media_type_refused')
}
