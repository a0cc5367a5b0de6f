// Asks a service whose a credential is: by the service's probe, through the gate like any other call. It is made by an agent of the
// house, with a token of a minute and a grant for one use of this one credential, so that it is decided, recorded and scrubbed.
import type { AgentPrincipal, CallRequest } from '../gate/rooms.ts'
import { Problem } from '../ground/problem.ts'
import { canonicalTarget, type Target } from '../ground/target.ts'
import { type AgentEntry, identityProblem, namesItself } from '../identity/contract.ts'
import type { Collect, Collected } from '../proxy/collect.ts'
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

export type CheckRooms = Pick<Rooms, 'identity' | 'services' | 'grants' | 'vault' | 'clock' | 'nextRid'>

/** One check at a time: a grant for the same credential would take the place of the one before it. */
export class CredentialChecks {
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
    const done = this.#turn.then(() => this.#check(handle, by))
    this.#turn = done.catch(() => {})
    return done
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
      return await this.#ask(service, probe, credential, by)
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'agent_name_taken') throw error
      return { outcome: 'unknown', why: `${error.title} [${error.code}]` }
    }
  }

  async #ask(service: Service, probe: Probe, { id, handle }: CredentialView, by: Actor): Promise<Verdict> {
    const { identity, grants, clock, nextRid } = this.#rooms
    const target = canonicalTarget(probe.path)
    const agent = await this.#agent(by)
    const { view } = await identity.issueToken({ agent: agent.id, lifeMs: LIFE_MS, label: CHECKER }, by)
    const wanted = { agent: agent.id, service, credential: id, credentials: [{ id, handle }] }
    const scopes = service.resolve(probe.method, target)?.required ?? []
    try {
      const { id: grant } = await grants.add({ ...wanted, scopes, uses: 1, expiresAt: clock.now() + LIFE_MS }, by)
      // Nobody has to see its text: it is known by its id here.
      const principal = identity.room.directory.token(view.id)?.principal as AgentPrincipal
      const call = { rid: nextRid(), principal, only: { grant: grant as NonNullable<CallRequest['only']>['grant'] } }
      const answer = await this.#send({ ...call, told: { check: handle } }, service, probe, target).finally(() =>
        grants.revoke(grant, by),
      )
      return { ...verdictOf(answer, probe.pointer), call: call.rid }
    } finally {
      await identity.revokeToken(view.id, by)
    }
  }

  #send(
    call: Pick<CallRequest, 'rid' | 'principal' | 'only' | 'told'>,
    service: Service,
    probe: Probe,
    target: Target,
  ) {
    const { method, body } = probe
    const action = service.resolve(method, target)?.action
    const headers = {
      accept: 'application/json',
      'user-agent': 'claviger',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(action !== undefined && service.view.actions?.[action]?.headers),
    }
    const sent = { method, target, serviceName: service.name, rawHeaders: Object.entries(headers).flat() }
    const bytes = body === undefined ? undefined : Buffer.from(body)
    return this.#collect({ ...call, ...sent, body: bytes }, { destroyed: false, on: () => {} }, MAX_ANSWER)
  }

  async #agent(by: Actor): Promise<AgentEntry> {
    const { identity } = this.#rooms
    const known = identity.findAgent(CHECKER)
    if (known === undefined) return identity.addAgent({ name: CHECKER }, by)
    if (namesItself(known)) throw identityProblem('agent_name_taken', { facts: { name: CHECKER } })
    return known
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
