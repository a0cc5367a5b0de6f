// Names to addresses, for everything that dials. Owns the caches and the budget; its invariant: no address leaves here
// that was not judged, and the address that was judged is the one that is dialled (there is no second lookup).
// It refuses names that only mean something inside a network, unless the caller may reach addresses inside it.
import { isIP } from 'node:net'
import { type AddressSet, refusedAddress } from '../ground/addresses.ts'
import { type Clock, systemClock } from '../ground/clock.ts'
import { isInsideName, isLocalhost } from '../ground/inside-names.ts'
import { Problem, problemsOf } from '../ground/problem.ts'
import { type AskNames, createAskNames, type NameAnswer } from './ask-names.ts'
import { createHostsFile, type HostsFile } from './hosts-file.ts'

export const resolveProblems = {
  address_refused: {
    status: 403,
    title: 'The address is one the gateway does not dial',
    hint: 'Private, loopback, link-local and metadata addresses must be allowed on the service by an operator.',
  },
  upstream_dns_failed: { status: 502, title: "The service's name does not resolve" },
} as const

export const resolveProblem = problemsOf(resolveProblems)

export interface Resolver {
  /**
   * A judged address for the host, at once where it is known. `host` is lower-case ASCII, IPv6 in brackets.
   * Throws, or rejects with, Problem `address_refused` or `upstream_dns_failed`.
   */
  address(host: string, allowed?: AddressSet): string | Promise<string>
  /** Says that the address did not answer: another of the same answer is given until this one's turn comes again. */
  failed(host: string, address: string): void
}

export interface ResolverOptions {
  readonly ask?: AskNames
  readonly clock?: Clock
  readonly hosts?: HostsFile
}

/** What one caller may dial of an answer; `turn` is the one in use. */
interface Choice {
  readonly addresses: readonly string[]
  turn: number
}

interface Known {
  readonly addresses: readonly string[]
  readonly until: number
  readonly failure: Problem | undefined
  /** Per set of allowed addresses: the same few sets come again with every call. */
  readonly choices: Map<AddressSet | undefined, Choice | Problem>
}

const BUDGET_MS = 2_000
const NEGATIVE_MS = 5_000
const MAX_TTL_S = 30
const HOSTS_TTL_S = 5
const CONCURRENT = 64
const MAX_KNOWN = 10_000
const MAX_ADDRESSES = 64
const LOOPBACK = ['127.0.0.1', '::1']

/** Asks c-ares and /etc/hosts unless told otherwise. */
export function createResolver(options: ResolverOptions = {}): Resolver {
  const clock = options.clock ?? systemClock
  return new CachingResolver(options.ask ?? createAskNames(), clock, options.hosts ?? createHostsFile())
}

class CachingResolver implements Resolver {
  readonly #ask: AskNames
  readonly #clock: Clock
  readonly #hosts: HostsFile
  readonly #known = new Map<string, Known>()
  readonly #asking = new Map<string, Promise<Known>>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(ask: AskNames, clock: Clock, hosts: HostsFile) {
    this.#ask = ask
    this.#clock = clock
    this.#hosts = hosts
  }

  address(host: string, allowed?: AddressSet): string | Promise<string> {
    const known = this.#known.get(host)
    if (known !== undefined && this.#clock.mono() < known.until) return pick(host, known, allowed)
    const literal = literalAddress(host)
    if (literal !== undefined) return pick(host, this.#remember(host, [literal], MAX_TTL_S), allowed)
    if (isLocalhost(host)) return pick(host, this.#remember(host, LOOPBACK, MAX_TTL_S), allowed)
    if (allowed === undefined && isInsideName(host)) throw insideName(host)
    let asking = this.#asking.get(host)
    if (asking === undefined) {
      asking = this.#lookUp(host).finally(() => this.#asking.delete(host))
      this.#asking.set(host, asking)
    }
    return asking.then((answer) => pick(host, answer, allowed))
  }

  failed(host: string, address: string): void {
    for (const choice of this.#known.get(host)?.choices.values() ?? []) {
      if (choice instanceof Problem || choice.addresses[choice.turn] !== address) continue
      choice.turn = (choice.turn + 1) % choice.addresses.length
    }
  }

  async #lookUp(host: string): Promise<Known> {
    const inFile = await this.#hosts.addresses(host)
    if (inFile.length > 0) return this.#remember(host, inFile, HOSTS_TTL_S)
    try {
      const { addresses, ttl } = await this.#withinBudget(host)
      if (addresses.length === 0) return this.#rememberFailure(host, 'it has no address')
      if (addresses.length > MAX_ADDRESSES) return this.#rememberFailure(host, 'it has too many addresses')
      return this.#remember(host, addresses, ttl)
    } catch (error) {
      return this.#rememberFailure(host, (error as { code?: string }).code ?? 'the lookup failed')
    }
  }

  async #withinBudget(host: string): Promise<NameAnswer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(Object.assign(new Error('late'), { code: 'ETIMEOUT' })), BUDGET_MS)
    })
    try {
      return await Promise.race([this.#inTurn(host), late])
    } finally {
      clearTimeout(timer)
    }
  }

  async #inTurn(host: string): Promise<NameAnswer> {
    if (this.#running >= CONCURRENT) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#running += 1
    try {
      return await this.#ask(host)
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  #remember(host: string, addresses: readonly string[], ttl: number): Known {
    // A floor of one second: with a TTL of zero every call would wait for the name system.
    const until = this.#clock.mono() + Math.min(Math.max(ttl, 1), MAX_TTL_S) * 1_000
    const choices = new Map<AddressSet | undefined, Choice | Problem>()
    for (const [allowed, before] of this.#known.get(host)?.choices ?? []) {
      if (before instanceof Problem) continue
      const now = judge(host, addresses, allowed)
      // The address in use stays while it is still among the answers, so that its connections are used again.
      if (!(now instanceof Problem)) now.turn = Math.max(now.addresses.indexOf(before.addresses[before.turn] ?? ''), 0)
      choices.set(allowed, now)
    }
    return this.#keep(host, { addresses, until, failure: undefined, choices })
  }

  #rememberFailure(host: string, why: string): Known {
    const failure = resolveProblem('upstream_dns_failed', { detail: `'${host}' does not resolve: ${why}.` })
    const until = this.#clock.mono() + NEGATIVE_MS
    return this.#keep(host, { addresses: [], until, failure, choices: new Map() })
  }

  #keep(host: string, known: Known): Known {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(host, known)
    return known
  }
}

function pick(host: string, known: Known, allowed: AddressSet | undefined): string {
  if (known.failure !== undefined) throw known.failure
  let choice = known.choices.get(allowed)
  if (choice === undefined) {
    choice = judge(host, known.addresses, allowed)
    known.choices.set(allowed, choice)
  }
  if (choice instanceof Problem) throw choice
  return choice.addresses[choice.turn] as string
}

/**
 * Every address of the answer is judged, not only the one that will be used: a mixed answer is an attack or a mistake.
 * The loopback names are ours to answer, so of theirs the addresses that may be dialled are enough.
 */
function judge(host: string, addresses: readonly string[], allowed: AddressSet | undefined): Choice | Problem {
  const literal = literalAddress(host) !== undefined
  if (allowed === undefined && !literal && isInsideName(host)) return insideName(host)
  const dialled = isLocalhost(host) ? addresses.filter((one) => refusedAddress(one, allowed) === undefined) : addresses
  for (const address of dialled.length > 0 ? dialled : addresses) {
    const range = refusedAddress(address, allowed)
    if (range !== undefined) {
      return resolveProblem('address_refused', {
        detail: `'${host}' is at a refused address (${range}).`,
        facts: { range },
      })
    }
  }
  return { addresses: dialled, turn: 0 }
}

function insideName(host: string): Problem {
  return resolveProblem('address_refused', {
    detail: `'${host}' is a name of a private network.`,
    facts: { range: 'name' },
  })
}

function literalAddress(host: string): string | undefined {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  return isIP(bare) === 0 ? undefined : bare
}
