/** The action that a person is shown of what an agent states, from whichever door it comes. Pure but for the chance in a name. */
import { createHash, randomBytes } from 'node:crypto'
import { jcs } from '../../ground/jcs.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import type { StatedAction } from '../action.ts'
import { requestOfKey } from '../idempotency.ts'
import { payloadHash } from './payload-hash.ts'
import { raisedRisk } from './raised-risk.ts'

type Members = { readonly [name: string]: JsonValue }

export interface Stated extends Pick<StatedAction, 'install' | 'agent' | 'action' | 'risk' | 'description' | 'terms'> {
  /** Of these `risk` is raised, and never lowered. */
  readonly context: Members
  /** What the doer compares: itself, or its hash. Action, agent and context if neither is there. */
  readonly payload?: JsonValue | undefined
  readonly payloadHash?: string | undefined
  /** What has the same name and content is one. */
  readonly request?: string | undefined
  /** Names it where nothing else does, so that asking again with other contents is seen to be that. */
  readonly idempotencyKey?: string | undefined
}

export function statedAction({
  request,
  idempotencyKey,
  context,
  payload,
  payloadHash: given,
  ...rest
}: Stated): StatedAction {
  const { install, agent, action, risk, description, terms } = rest
  const { id, name } = agent
  const text = payload === undefined ? undefined : jcs(payload)
  return {
    ...{ kind: 'stated', install, agent: { id, name }, action, description },
    risk: raisedRisk(
      risk,
      action,
      payload === undefined ? (context as JsonValue) : ({ ...context, payload } as JsonValue),
    ),
    context: jcs(context as JsonValue),
    ...(text !== undefined && { payload: text }),
    payloadHash: given ?? (text === undefined ? payloadHash(compared(action, id, context)) : sha256(text)),
    request: request ?? (idempotencyKey === undefined ? randomBytes(16).toString('hex') : requestOfKey(idempotencyKey)),
    terms,
  }
}

/** What the doer compares where the agent names nothing else. `who`: the agent, as the doer knows it. */
export function compared(action: string, who: string, context: Members): JsonValue {
  return { action, agentId: who, ...(Object.keys(context).length > 0 && { context: context as JsonValue }) }
}

/** Of a context: what clients of ClawGate compare (contract §3). */
export function doersPart(context: Members): Members {
  const names = ['tool', 'params', 'cwd'].filter((name) => Object.hasOwn(context, name))
  return Object.fromEntries(names.map((name) => [name, context[name] as JsonValue]))
}

/** Whether what the hash is of is all before the person's eyes. Another hash says nothing that they could check. */
export function isOfWhatIsShown({ action, agent, context, payload, payloadHash: hash }: StatedAction): boolean {
  if (payload !== undefined) return sha256(payload) === hash
  try {
    const members = JSON.parse(context) as Members
    const contexts = [members, doersPart(members)]
    return contexts.some((one) =>
      [agent.id, agent.name].some((who) => payloadHash(compared(action, who, one)) === hash),
    )
  } catch (error) {
    // No JSON, or text without a canonical form: no hash is of that.
    if (error instanceof SyntaxError || error instanceof TypeError) return false
    throw error
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
