// Asks a service whose a credential is: by the service's probe, through the gate like any other call. It is made by an agent of the
// house, with a token of a minute and a grant for one use of this one credential, so that it is decided, recorded and scrubbed.
import type { AgentPrincipal, CallRequest } from '../gate/rooms.ts'
import { Problem } from '../ground/problem.ts'
import { canonicalTarget, type Target } from '../ground/target.ts'
import { type AgentEntry, identityProblem, namesItself } from '../identity/contract.ts'
import type { Collect, Collected, Leaving } from '../proxy/collect.ts'
import type { Rooms } from '../rooms.ts'
import type { Service } from '../services/contract.ts'
import type { Probe } from '../services/service-parts.ts'
import type { Actor } from '../storage/storage.ts'
import { type CredentialView, vaultProblem } from '../vault/contract.ts'
import { identityIn } from './identity-in.ts'

/** Made with the first check; nobody registers under it. */
export const CHECKER = 'credential-check'
const LIFE_MS = 60_000
const MAX_ANSWER = 1_048_576

export interface Verdict {
  /** `refused`: the service does not know the secret. `unknown`: nobody can say. */
  readonly outcome: 'works' | 'refused' | 'unknown'
  readonly identity?: string
  /** What the service answered. */
  readonly status?: number
  readonly why?: string
  /** The call, as the log has it. */
  readonly call?: string
}

export type CheckRooms = Pick<Rooms, 'gate' | 'identity' | 'services' | 'grants' | 'vault' | 'clock' | 'nextRid'>

/** A request that says nothing but whose credential it is. */
export interface PlainAsk {
  readonly method: 'GET'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** How the gateway itself asks, where no operator does. */
export interface AskOptions {
  /** The door whose bounds hold for the credential's service: the call counts as one of it. */
  readonly door: string
  readonly waitMs: number
}

/** What goes out, and how long its answer is waited for. */
interface Sent {
  readonly method: string
  readonly target: Target
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
  readonly door?: string | undefined
  readonly leaving: Leaving
}

const stays: Leaving = { destroyed: false, on: () => {} }
const checks = new WeakMap<CheckRooms, CredentialChecks>()

/** The one there is: its checks are made one after the other. */
export function checksOf(rooms: CheckRooms, collect: Collect): CredentialChecks {
  const known = checks.get(rooms) ?? new CredentialChecks(rooms, collect)
  checks.set(rooms, known)
  return known
}

/** One check at a time: a grant for the same credential would take the place of the one before it. */
class CredentialChecks {
  readonly #rooms: CheckRooms
  readonly #collect: Collect
  #turn: Promise<unknown> = Promise.resolve()

  constructor(rooms: CheckRooms, collect: Collect) {
    this.#rooms = rooms
    this.#collect = collect
    rooms.identity.room.keptNames.push((name) => name === CHECKER)
  }

  /** By handle or id. Throws Problem `credential_unknown`, `agent_name_taken`. */
  check(handle: string, by: Actor): Promise<Verdict> {
    return this.#inTurn(() => this.#check(handle, by))
  }

  /**
   * What the service answers to a request of the gateway's own; undefined where nobody can say: it does not answer in time, or the
   * call is not simply allowed. No human is asked.
   */
  statusOf(id: string, asked: PlainAsk, options: AskOptions, by: Actor): Promise<number | undefined> {
    return this.#inTurn(() => this.#statusOf(id, asked, options, by))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  async #statusOf(
    id: string,
    { method, path, headers }: PlainAsk,
    { door, waitMs }: AskOptions,
    by: Actor,
  ): Promise<number | undefined> {
    const { vault, services } = this.#rooms
    const credential = vault.list().find((one) => one.id === id)
    const service = credential && services.byId(credential.service)
    if (credential === undefined || service === undefined) return undefined
    using leaving = new Deadline(waitMs)
    try {
      const sent = { method, target: canonicalTarget(path), headers, door, leaving }
      return (await this.#ask(service, credential, sent, by)).answer?.status
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return undefined
    }
  }

  async #check(handle: string, by: Actor): Promise<Verdict> {
    const { vault, services } = this.#rooms
    const credential = vault.list().find((one) => one.handle === handle || one.id === handle)
    if (credential === undefined) throw vaultProblem('credential_unknown')
    const service = services.byId(credential.service)
    const probe = service?.view.probe
    if (service === undefined || probe === undefined) {
      return { outcome: 'unknown', why: 'the service has no probe that says whose a credential is' }
    }
    try {
      const { answer, call } = await this.#ask(service, credential, sentBy(service, probe), by)
      return { ...verdictOf(answer as Collected, probe.pointer), call }
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'agent_name_taken') throw error
      return { outcome: 'unknown', why: `${error.title} [${error.code}]` }
    }
  }

  /** No answer where the gateway asks by itself and would have to ask a human first, or is refused. */
  async #ask(service: Service, { id, handle }: CredentialView, sent: Sent, by: Actor) {
    const { identity, grants, clock, gate, nextRid } = this.#rooms
    const { method, target, door } = sent
    const agent = await this.#agent(by)
    const { view } = await identity.issueToken({ agent: agent.id, lifeMs: LIFE_MS, label: CHECKER }, by)
    const wanted = { agent: agent.id, service, credential: id, credentials: [{ id, handle }], door }
    const scopes = service.resolve(method, target)?.required ?? []
    try {
      const { id: grant } = await grants.add({ ...wanted, scopes, uses: 1, expiresAt: clock.now() + LIFE_MS }, by)
      try {
        // Nobody has to see its text: it is known by its id here.
        const principal = identity.room.directory.token(view.id)?.principal as AgentPrincipal
        const only = { grant: grant as NonNullable<CallRequest['only']>['grant'], door }
        const call = {
          rid: nextRid(),
          principal,
          only,
          told: { check: handle },
          serviceName: service.name,
          method,
          target,
        }
        const isPlain = door === undefined || gate.explain(call).decision.outcome === 'allow'
        return { answer: isPlain ? await this.#send(call, sent) : undefined, call: call.rid }
      } finally {
        await grants.revoke(grant, by)
      }
    } finally {
      await identity.revokeToken(view.id, by)
    }
  }

  #send(call: CallRequest, { headers, body, leaving }: Sent): Promise<Collected> {
    const rawHeaders = Object.entries({ accept: 'application/json', 'user-agent': 'claviger', ...headers }).flat()
    return this.#collect({ ...call, rawHeaders, body }, leaving, MAX_ANSWER)
  }

  async #agent(by: Actor): Promise<AgentEntry> {
    const { identity } = this.#rooms
    const known = identity.findAgent(CHECKER)
    if (known === undefined) return identity.addAgent({ name: CHECKER }, by)
    if (namesItself(known)) throw identityProblem('agent_name_taken', { facts: { name: CHECKER } })
    return known
  }
}

function sentBy(service: Service, { method, path, body }: Probe): Sent {
  const target = canonicalTarget(path)
  const action = service.resolve(method, target)?.action
  const headers = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(action !== undefined && service.view.actions?.[action]?.headers),
  }
  return { method, target, headers, body: body === undefined ? undefined : Buffer.from(body), leaving: stays }
}

/** Whoever waits leaves after so long. */
class Deadline implements Leaving, Disposable {
  destroyed = false
  readonly #timer: NodeJS.Timeout
  readonly #listeners: (() => void)[] = []

  constructor(ms: number) {
    this.#timer = setTimeout(() => {
      this.destroyed = true
      for (const listener of this.#listeners) listener()
    }, ms)
  }

  on(_: 'close', listener: () => void): void {
    this.#listeners.push(listener)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

function verdictOf({ status, body }: Collected, pointer: string): Verdict {
  if (status === 401 || status === 403) return { outcome: 'refused', status, why: `the service refuses it (${status})` }
  if (status >= 300) return { outcome: 'unknown', status, why: `the service answered ${status}` }
  const identity = identityIn(body.toString('utf8'), pointer)
  // Some services say no with 200.
  if (identity === undefined) return { outcome: 'refused', status, why: 'the service answers, and names nobody' }
  return { outcome: 'works', status, identity }
}

export type { CredentialChecks }
