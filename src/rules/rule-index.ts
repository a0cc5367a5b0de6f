import type { ServiceId } from '../ground/ids.ts'
import type { CompiledRule } from './compile-rule.ts'

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

type ByMethod = ReadonlyMap<string, readonly CompiledRule[]>

/**
 * The rules that may be about a call, by its service and method. Lists are made anew by every change, so that a call only
 * looks one up.
 */
export class RuleIndex {
  /** Those that may be about tunnels. */
  readonly tunnels: readonly CompiledRule[]
  readonly #all: readonly CompiledRule[]
  readonly #byService: ReadonlyMap<string, ByMethod>
  readonly #others: ByMethod

  constructor(rules: Iterable<CompiledRule>) {
    const every = [...rules].sort((one, other) => (one.record.id < other.record.id ? -1 : 1))
    this.tunnels = every.filter(({ matcher }) => matcher.ofTunnels)
    this.#all = every.filter(({ matcher }) => matcher.hosts === undefined)
    const anywhere = this.#all.filter(({ matcher }) => matcher.services === undefined)
    const named = new Map<string, CompiledRule[]>()
    for (const rule of this.#all) {
      for (const service of rule.matcher.services ?? []) {
        const list = named.get(service)
        if (list === undefined) named.set(service, [rule])
        else list.push(rule)
      }
    }
    const merged = [...named].map(
      ([service, own]) =>
        [service, byMethod([...own, ...anywhere].sort((one, other) => (one.ref.id < other.ref.id ? -1 : 1)))] as const,
    )
    this.#byService = new Map(merged)
    this.#others = byMethod(anywhere)
  }

  /** In the order of their ids. */
  about(service: ServiceId, method: string): readonly CompiledRule[] {
    const lists = this.#byService.get(service) ?? this.#others
    return lists.get(method) ?? this.#all
  }
}

function byMethod(rules: readonly CompiledRule[]): ByMethod {
  return new Map(
    METHODS.map((method) => [
      method,
      rules.filter(({ matcher }) => matcher.methods === undefined || matcher.methods.has(method)),
    ]),
  )
}
