import { fillTemplate, type Parameters, parameterText } from '../ground/fill-template.ts'
import type { JsonValue } from '../ground/strict-json.ts'
import { canonicalTarget } from '../ground/target.ts'
import type { Action } from './actions.ts'
import { type ActionCall, type Resolution, serviceProblem } from './contract.ts'

/** What asks the service what a request is, so that a parameter cannot make another action of one. */
type Resolve = (method: string, target: ReturnType<typeof canonicalTarget>) => Resolution | undefined

/**
 * The request that an action is with these parameters: those that its path does not want go into the query of a
 * GET, HEAD or OPTIONS, and into the body, as JSON, of anything else. Throws Problem `parameter_missing`, `parameter_invalid`,
 * `target_ambiguous`.
 */
export function callAction(action: Action, given: Parameters, resolve: Resolve): ActionCall {
  const { path, rest } = fillTemplate(action.template, given)
  const query = new Map<string, JsonValue>()
  const body = new Map<string, JsonValue>()
  for (const [name, value] of Object.entries(rest)) {
    const bodiless = action.method === 'GET' || action.method === 'HEAD' || action.method === 'OPTIONS'
    if (bodiless || action.query.has(name)) query.set(name, value)
    else body.set(name, value)
  }
  for (const [name, [only, ...others]] of action.query) {
    if (!query.has(name) && others.length === 0) query.set(name, only!)
  }
  const target = canonicalTarget(`${path}${queryText(query)}`)
  if (resolve(action.method, target)?.action !== action.name) {
    throw serviceProblem('action_other', { facts: { action: action.name } })
  }
  return {
    method: action.method,
    target: target.hasQuery ? `${target.path}?${target.query}` : target.path,
    headers: action.headers,
    body: body.size === 0 ? undefined : Object.fromEntries(body),
  }
}

/** Flat: a list is its name again and again; what is nested is refused. */
function queryText(query: ReadonlyMap<string, JsonValue>): string {
  const pairs = [...query].flatMap(([name, value]) =>
    [value]
      .flat()
      .map((one) => `${strict(name)}=${strict(typeof one === 'boolean' ? String(one) : parameterText(name, one))}`),
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

function strict(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
