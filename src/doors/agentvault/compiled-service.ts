import type { EventObject } from '../../audit/contract.ts'
import type { CredentialId, ServiceId } from '../../ground/ids.ts'
import type { Endpoint, ServiceRecord, VaultService } from './contract.ts'
import { type PathFiller, pathFiller } from './fill-path.ts'
import { isNative, nativeActionNames, nativeName, splitBase } from './native-service.ts'

/** One action, ready to be called. */
export interface CompiledAction {
  readonly name: string
  /** What the house calls it: several endpoints of one method and path are one action there. */
  readonly native: string
  readonly method: string
  readonly requiredScope: readonly string[]
  readonly path: PathFiller
  /** Remaining parameters go into the query, not into a body. */
  readonly inQuery: boolean
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[]
}

/** A service of the vault as calls need it: immutable, made anew by every change. */
export class CompiledService {
  readonly id: ServiceId
  readonly name: string
  /** Its name in the house. */
  readonly native: string
  readonly record: ServiceRecord
  readonly definition: VaultService
  readonly actions: ReadonlyMap<string, CompiledAction>
  readonly allowedAgents: ReadonlySet<string>
  readonly allowedActions: ReadonlySet<string>
  readonly allowedScopes: ReadonlySet<string>
  /** Undefined where it needs none, or none is stored. */
  readonly credential: CredentialId | undefined
  /** Of the house's service: what was made for an earlier one is made anew. */
  readonly stamp: string

  constructor(record: ServiceRecord, credential: CredentialId | undefined) {
    const { definition } = record
    this.id = record.id
    this.name = record.name
    this.native = nativeName(record.name)
    this.record = record
    this.definition = definition
    this.credential = credential
    this.stamp = `${record.updatedAt}.${credential ?? ''}`
    this.allowedAgents = new Set(definition.allowedAgents)
    this.allowedActions = new Set(definition.allowedActions)
    this.allowedScopes = new Set(definition.allowedScopes)
    const base = splitBase(definition.baseUrl).path
    const natives = nativeActionNames(definition)
    this.actions = new Map(
      Object.entries(definition.endpoints).map(([name, endpoint]) => [
        name,
        compileAction(name, natives.get(name) ?? name, endpoint, base),
      ]),
    )
  }

  /** Whether calls carry a secret; then there must be one. */
  get wantsSecret(): boolean {
    return this.definition.secretRef !== undefined
  }

  allowsAgent({ id, name }: { readonly id: string; readonly name: string }): boolean {
    return this.allowedAgents.has('*') || this.allowedAgents.has(name) || this.allowedAgents.has(id)
  }

  /** Those that the agent may be given: its own, where it has an entry, else all. */
  scopesFor({ id, name }: { readonly id: string; readonly name: string }): ReadonlySet<string> {
    const { agentScopes = {} } = this.definition
    const entry = [name, id].find((key) => Object.hasOwn(agentScopes, key))
    if (entry === undefined) return this.allowedScopes
    return new Set((agentScopes[entry] ?? []).filter((scope) => this.allowedScopes.has(scope)))
  }

  /**
   * What a grant of the house says to an agent with these scopes: the actions that they are enough for, and the scopes
   * themselves where they open nothing but those.
   */
  grantScopes(scopes: ReadonlySet<string>): readonly string[] {
    const all = [...this.actions.values()]
    const open = all.filter(({ name, requiredScope }) => {
      return this.allowedActions.has(name) && requiredScope.every((scope) => scopes.has(scope))
    })
    const natives = new Set(open.map(({ native }) => native))
    const shut = all.filter(({ native }) => !natives.has(native))
    const wider = shut.some(({ requiredScope }) => {
      return requiredScope.length > 0 && requiredScope.every((scope) => scopes.has(scope))
    })
    const declared = wider ? [] : open.flatMap(({ requiredScope }) => requiredScope)
    const words = declared.filter((scope) => isNative(this.native, scope))
    return [...new Set([...[...natives].map((name) => `${this.native}:${name}`), ...words])]
  }
}

function compileAction(name: string, native: string, endpoint: Endpoint, base: string): CompiledAction {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: '*/*',
    'user-agent': 'claviger',
    ...endpoint.headers,
  }
  return {
    name,
    native,
    method: endpoint.method,
    requiredScope: endpoint.requiredScope,
    path: pathFiller(base, endpoint),
    inQuery: ['GET', 'HEAD', 'OPTIONS'].includes(endpoint.method),
    rawHeaders: Object.entries(headers).flat(),
  }
}

/** What records say of a service. */
export function toldOf(service: CompiledService): EventObject {
  return { service: service.name, id: service.id, secretRef: service.definition.secretRef }
}
