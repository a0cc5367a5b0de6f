// A call that names an action and its parameters, turned into one with method and path: the gate judges that one.
import type { AgentPrincipal } from '../gate/rooms.ts'
import type { Parameters } from '../ground/fill-template.ts'
import type { JsonValue } from '../ground/strict-json.ts'

/** Whether a call says what it is in one way: method and path, or an action with parameters alone. */
export function isOneOfBoth({
  method,
  path,
  action,
  params,
  query,
  body,
  bodyBase64,
}: Record<string, unknown>): boolean {
  const said = (...members: unknown[]) => members.filter((member) => member !== undefined).length
  if (action === undefined) return said(method, path) === 2 && params === undefined
  return said(method, path, query, body, bodyBase64) === 0
}

/** What a call by an action comes down to; undefined where the caller was given nothing on the service, if it is there. */
export type MakeCall = (
  principal: AgentPrincipal,
  service: string,
  action: string,
  params: Parameters,
) =>
  | { method: string; target: string; headers: Readonly<Record<string, string>>; body: JsonValue | undefined }
  | undefined

/** A call with method and path. */
export interface SpelledCall {
  readonly service: string
  readonly method: string
  readonly path: string
  readonly query?: Values | undefined
  readonly headers?: Values | undefined
  readonly body?: JsonValue | undefined
  readonly bodyBase64?: string | undefined
}

type Values = Readonly<Record<string, string | string[]>>

interface NamedCall {
  readonly service: string
  readonly params?: Parameters | undefined
  readonly headers?: Values | undefined
}

/** The headers of the caller stand in the place of those of the action. */
export function spelled(call: NamedCall, action: string, who: AgentPrincipal, make: MakeCall): SpelledCall {
  const { service, params = {}, headers } = call
  const made = make(who, service, action, params)
  // Whoever has nothing there learns from the gate what everybody learns, on record, and with a method that is never sent.
  if (made === undefined) return { service, method: 'ACTION', path: '/' }
  const own = Object.keys(headers ?? {}).map((name) => name.toLowerCase())
  const added = Object.entries(made.headers).filter(([name]) => !own.includes(name.toLowerCase()))
  const { method, target: path, body } = made
  return { service, method, path, headers: { ...headers, ...Object.fromEntries(added) }, body }
}
