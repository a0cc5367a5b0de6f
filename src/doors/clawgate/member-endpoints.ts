// The operators' endpoints beside the door: people who are no operators.
import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, listOf, NameParam } from '../../http/shapes.ts'
import { Email, type OperatorEntry } from '../../identity/contract.ts'
import { peopleProblems } from '../../identity/people/contract.ts'
import type { Members } from '../../identity/people/members.ts'
import type { Actor } from '../../storage/storage.ts'
import { doorProblem, doorProblems } from './contract.ts'
import { iso } from './states.ts'

const operator = { caller: 'operator', problems: { ...peopleProblems, ...doorProblems } } as const

export const listMembers = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/clawgate/people',
  summary: 'ClawGate: people who are no operators, and addresses that were invited or are not proved yet',
  reply: listOf(
    z.object({
      id: z.string(),
      email: z.string(),
      /** As they call themselves: nobody vouches for it. */
      displayName: z.string().optional(),
      status: z.enum(['member', 'invited', 'unverified']),
      /** That they answer for. */
      agents: z.int(),
      passkeys: z.int(),
      createdAt: z.string(),
      expiresAt: z.string().optional(),
    }),
  ),
})

export const inviteMember = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/clawgate/people/invites',
  summary: 'ClawGate: invite an address: whoever registers with both is in, or back; good once, for a day',
  body: z.strictObject({ email: Email }),
  reply: z.object({ email: z.string(), invite: z.string(), expiresAt: z.string() }),
  status: 201,
})

export const showMemberCode = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/clawgate/people/{name}/code',
  summary: 'ClawGate: the code that proves the address of a registration, to be sent there',
  params: NameParam,
  reply: z.object({ email: z.string(), code: z.string(), expiresAt: z.string() }),
})

export const removeMember = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/clawgate/people/{name}',
  summary: 'ClawGate: remove somebody for good, with their agents and keys; their address is forgotten',
  params: NameParam,
  reply: Done,
})

export interface MemberNeeds<Who> {
  readonly members: Members
  readonly registration: 'closed' | 'invited' | 'open'
  readonly actorOf: (who: Who) => Actor
  readonly agentsOf: (member: string) => number
  readonly passkeysOf: (member: string) => number
  /** With their agents. Throws Problem `member_unknown`. */
  remove(name: string, by: Actor): Promise<void>
}

export function memberEndpoints<Who>(needs: MemberNeeds<Who>): BoundEndpoint<Who>[] {
  const { members, registration, actorOf } = needs
  const shown = ({ id, name: email, createdAt, displayName }: OperatorEntry) => ({
    ...{ id: id as string, email, displayName, status: 'member' as const, createdAt: iso(createdAt) },
    ...{ agents: needs.agentsOf(id), passkeys: needs.passkeysOf(id) },
  })
  return [
    bind(listMembers, () => {
      const waiting = members.requests().map(({ id, email, kind, created_at, expires_at, display_name }) => ({
        displayName: display_name ?? undefined,
        ...{ id: id as string, email, status: kind === 'invited' ? ('invited' as const) : ('unverified' as const) },
        ...{ agents: 0, passkeys: 0, createdAt: iso(created_at), expiresAt: iso(expires_at) },
      }))
      return { items: [...members.members().map(shown), ...waiting] }
    }),
    bind(inviteMember, async ({ body: { email }, caller }) => {
      if (registration === 'closed') throw doorProblem('clawgate_registration_closed')
      const { invite, expiresAt } = await members.invite(email, actorOf(caller as Who))
      return { email, invite, expiresAt: iso(expiresAt) }
    }),
    bind(showMemberCode, async ({ params, caller }) => {
      const { request, code } = await members.showCode(params.name, actorOf(caller as Who))
      return { email: request.email, code, expiresAt: iso(request.expires_at) }
    }),
    bind(removeMember, async ({ params, caller }) => {
      await needs.remove(params.name, actorOf(caller as Who))
      return done
    }),
  ]
}
