import { type QueryKeys, queryKeys } from '../ground/constrained-query.ts'
import { compileTemplate, type PathTemplate } from '../ground/path-template.ts'
import { templateContains, templatesOverlap } from '../ground/template-overlap.ts'
import type { TemplateSegment } from '../ground/template-segments.ts'
import { classOf, type MethodClass, parseScope } from '../policy/scope.ts'
import { type Resolution, type ServiceDefinition, serviceProblem } from './contract.ts'
import type { ActionInput, Risk } from './service-parts.ts'

/** One action, compiled. */
export interface Action {
  readonly name: string
  readonly method: string
  readonly template: PathTemplate
  /** Values that each constrained query key may have. */
  readonly query: ReadonlyMap<string, ReadonlySet<string>>
  readonly keys: QueryKeys
  /** What is sent along where it is called by its name. */
  readonly headers: Readonly<Record<string, string>>
  readonly resolution: Resolution
  /** The resolution as an action table gives it, made once. */
  readonly answer: { readonly matched: true; readonly resolution: Resolution }
  /** Wants something that the class of its method does not give: what only looks like it must not go by the class. */
  readonly guarded: boolean
  /** Other actions that may match the same call without containing this one: then both must be granted. */
  readonly rivals: readonly Action[]
}

const risks: Readonly<Record<MethodClass, Risk>> = { read: 'low', write: 'medium', delete: 'high' }

export const riskRank: Readonly<Record<Risk, number>> = { low: 0, medium: 1, high: 2 }

/** What a method is that no action speaks about. Where an action has the class's name, only `service:*` is left. */
export function classResolution(service: string, name: MethodClass, definition: ServiceDefinition): Resolution {
  const taken = Object.hasOwn(definition.actions, name)
  return { action: undefined, required: [`${service}:${taken ? '*' : name}`], risk: risks[name], ask: undefined }
}

/**
 * The actions of a definition, the more specific before the less.
 * Throws Problem `template_invalid`, `scope_invalid`, `service_invalid`, `action_duplicate`.
 */
export function compileActions(service: string, definition: ServiceDefinition): readonly Action[] {
  const actions = Object.keys(definition.actions).map((name) => compileAction(service, name, definition))
  actions.sort(bySpecificity)
  for (const [at, action] of actions.entries()) {
    const rivals = action.rivals as Action[]
    for (const other of actions.slice(at + 1)) {
      if (other.method !== action.method || !actionsOverlap(action, other)) continue
      const inside = actionContains(other, action)
      if (inside && actionContains(action, other)) {
        throw serviceProblem('action_duplicate', { facts: { first: action.name, second: other.name } })
      }
      if (!inside) rivals.push(other)
    }
  }
  return actions
}

function compileAction(service: string, name: string, definition: ServiceDefinition): Action {
  const input = definition.actions[name]!
  const byMethod = classResolution(service, classOf(input.method)!, definition)
  const byClass = input.class === undefined ? byMethod : classResolution(service, input.class, definition)
  const declared = readScopes(service, name, input)
  const query = Object.entries(input.query ?? {}).map(
    ([key, values]) => [key, new Set(typeof values === 'string' ? [values] : values)] as const,
  )
  const resolution: Resolution = Object.freeze({
    action: name,
    required: Object.freeze(declared.length > 0 ? declared : byClass.required),
    enough: declared.length > 0 && input.class !== undefined ? byClass.required[0] : undefined,
    risk: input.risk ?? byClass.risk,
    ask: input.ask === true ? 'passkey' : input.ask || undefined,
  })
  return {
    name,
    method: input.method,
    template: compileTemplate(input.path),
    query: new Map(query),
    keys: queryKeys(query.map(([key]) => key)),
    headers: Object.freeze({ ...input.headers }),
    resolution,
    answer: { matched: true, resolution },
    guarded: wantsMore(resolution, byMethod),
    rivals: [],
  }
}

function wantsMore(action: Resolution, byMethod: Resolution): boolean {
  const classScope = byMethod.required[0]
  const coveredByClass = action.enough === classScope || action.required.every((scope) => scope === classScope)
  return !coveredByClass || action.ask !== undefined || riskRank[action.risk] > riskRank[byMethod.risk]
}

function readScopes(service: string, action: string, { scopes = [] }: ActionInput): readonly string[] {
  for (const text of scopes) {
    const scope = parseScope(text)
    if (scope.service !== service || scope.words.some((word) => word === '*')) {
      throw serviceProblem('service_invalid', {
        detail: `The action '${action}' declares '${text}'; its scopes begin with '${service}:' and have no *.`,
        facts: { action, scope: text },
      })
    }
  }
  return [...new Set(scopes)]
}

/** The more specific first; a fixed order, whatever order they were written in. */
export function bySpecificity(left: Action, right: Action): number {
  if (left.template.specificity !== right.template.specificity) {
    return left.template.specificity > right.template.specificity ? -1 : 1
  }
  const [few, many] = [constraint(left), constraint(right)]
  return few === many ? (left.name < right.name ? -1 : 1) : many - few
}

/** More keys are tighter, and fewer values of as many keys. */
function constraint({ query }: Action): number {
  let values = 0
  for (const allowed of query.values()) values += allowed.size
  return query.size * 10_000 - values
}

function actionsOverlap(left: Action, right: Action): boolean {
  for (const [key, values] of left.query) {
    const others = right.query.get(key)
    if (others !== undefined && ![...values].some((value) => others.has(value))) return false
  }
  return templatesOverlap(left.template, right.template)
}

function actionContains(outer: Action, inner: Action): boolean {
  for (const [key, values] of outer.query) {
    const others = inner.query.get(key)
    if (others === undefined || ![...others].every((value) => values.has(value))) return false
  }
  return templateContains(outer.template, inner.template)
}

/**
 * The allowed paths. Throws Problem `template_invalid`, and `action_unreachable` for an action that lies on none of them.
 */
export function compilePaths(definition: ServiceDefinition, actions: readonly Action[]): readonly PathTemplate[] {
  const paths = [...new Set(definition.paths)].map(compileTemplate)
  for (const { name, template } of actions) {
    const shut = { segments: template.segments.map(withoutOpenings) }
    if (!paths.some((path) => templatesOverlap(path, shut))) {
      throw serviceProblem('action_unreachable', { facts: { action: name, path: template.text } })
    }
  }
  return paths
}

/** A segment as the allowed paths see it: actions open their own segments for `%2F` and `;`. */
function withoutOpenings(segment: TemplateSegment): TemplateSegment {
  return { ...segment, encoded: false, matrix: false, prefix: segment.prefix.replace(/%2F|;/g, '-') }
}
