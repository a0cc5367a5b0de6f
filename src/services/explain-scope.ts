import type { PathTemplate } from '../ground/path-template.ts'
import { Coverage, classMethods, type MethodClass, parseScope, type ScopeMeaning } from '../policy/scope.ts'
import type { Action } from './actions.ts'
import type { Resolution } from './contract.ts'

/** What scopes are explained from. */
export interface Explainable {
  readonly name: string
  /** The more specific first. */
  readonly actions: readonly Action[]
  readonly paths: readonly PathTemplate[]
  readonly classes: Readonly<Record<MethodClass, Resolution>>
}

/**
 * Everything a grant of this scope alone would allow, and what it would help to allow (`also`). Classes come last and
 * hold where no action says otherwise. Empty for a scope that means nothing here: such a scope is not granted.
 */
export function explainScope(text: string, service: Explainable): readonly ScopeMeaning[] {
  const coverage = new Coverage(service.name, [text])
  const meanings: ScopeMeaning[] = []
  for (const { name, method, template, resolution } of service.actions) {
    const also = coverage.covers(resolution) ? [] : resolution.required.filter((scope) => !coverage.has(scope))
    if (also.length > 0 && also.length === resolution.required.length) continue
    const methods = method === 'GET' ? ['GET', 'HEAD'] : [method]
    meanings.push({ methods, path: template.text, action: name, ...(also.length > 0 && { also }) })
  }
  for (const [name, resolution] of Object.entries(service.classes)) {
    if (!coverage.covers(resolution)) continue
    const methods = classMethods[name as MethodClass]
    for (const path of service.paths) meanings.push({ methods, path: path.text })
  }
  return meanings
}

/** Every scope that means something: all, the classes, what actions declare, the actions by name. */
export function listScopes({ name, actions, classes }: Explainable): readonly string[] {
  const list = new Set([`${name}:*`])
  for (const resolution of Object.values(classes)) for (const scope of resolution.required) list.add(scope)
  for (const { resolution } of actions) for (const scope of resolution.required) list.add(scope)
  for (const action of actions) list.add(`${name}:${action.name}`)
  return [...list].filter((scope) => parseScope(scope).service === name)
}
