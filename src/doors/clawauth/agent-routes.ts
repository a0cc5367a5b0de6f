// What an agent, and those who answer for it, do with its keys and its log.

import { z } from 'zod'
import { readPublicKey } from '../../crypto/p256.ts'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { httpProblem } from '../../http/problems.ts'
import { identityProblem } from '../../identity/contract.ts'
import { byOwnKey } from '../../identity/keys/by-own-key.ts'
import { keyProblem } from '../../identity/keys/contract.ts'
import { SignInView } from '../../identity/sign-ins/contract.ts'
import type { Actor } from '../../storage/storage.ts'
import { AgentKeyParams, AgentParam, KeyBody, listReply, Ok, Page } from './contract.ts'
import { type DoorCaller, type DoorNeeds, wanted } from './needs.ts'
import { provesKey } from './sign-in-routes.ts'
import { wording } from './wording.ts'

export const addKey = endpoint({
  method: 'POST',
  path: '/agents/{id}/keys',
  caller: 'agent',
  summary: 'ClawAuth: add a key to the agent that asks',
  params: AgentParam,
  body: KeyBody,
  reply: z.object({ keyId: z.string(), publicKeyHash: z.string(), status: z.string() }),
  status: 201,
  wording,
})
export const removeKey = endpoint({
  method: 'DELETE',
  path: '/agents/{id}/keys/{keyId}',
  caller: 'agent',
  summary: 'ClawAuth: revoke a key of the agent that asks, but not its last',
  params: AgentKeyParams,
  reply: Ok,
  wording,
})
export const authLog = endpoint({
  method: 'GET',
  path: '/agents/{id}/auth-log',
  caller: 'anyone',
  summary: 'ClawAuth: the sign-ins of an agent, to itself and to operators',
  params: AgentParam,
  query: Page,
  reply: listReply(SignInView),
  wording,
})

export function agentRoutes<Who>(needs: DoorNeeds): BoundEndpoint<Who>[] {
  const { identity, signIns } = needs
  return [
    bind(addKey, async ({ params, body, caller }) => {
      const by = own(caller as DoorCaller, params.id)
      const key = readPublicKey(body.publicKey)
      if (!provesKey(key, body.proof)) throw keyProblem('proof_invalid')
      const { id } = await identity.keys.addProven(params.id, { key }, by)
      return { keyId: id, publicKeyHash: key.hash, status: 'active' }
    }),
    bind(removeKey, async ({ params, caller }) => {
      const by = own(caller as DoorCaller, params.id)
      await identity.keys.revoke({ agent: params.id, key: params.keyId }, by)
      return { ok: true as const }
    }),
    bind(authLog, async ({ params, query, rawHeaders }) => {
      const caller = wanted(needs.callerOf(rawHeaders), 'agent', 'operator')
      if (caller.kind === 'agent' && caller.agent.id !== params.id) throw httpProblem('caller_refused')
      if (identity.findAgent(params.id)?.id !== params.id) throw identityProblem('agent_unknown')
      const before = query.cursor === undefined ? undefined : Number(query.cursor)
      const { items, next } = await signIns.history(params.id, query.limit, before)
      return { items: [...items], nextCursor: next === undefined ? null : String(next) }
    }),
  ]
}

/** The agent itself, as records name it. Throws Problems `caller_refused` for another's id, `key_sign_in_wanted`. */
function own(caller: DoorCaller, id: string): Actor {
  const { agent, token } = byOwnKey(wanted(caller, 'agent'))
  if (agent.id !== id) throw httpProblem('caller_refused')
  return { kind: 'agent', id: agent.id, key: token.id }
}
