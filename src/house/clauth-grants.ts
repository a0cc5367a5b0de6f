// Grants of the Clauth door: native grants with a label, named by skill, provider and scope.
import { DEFAULT_RPM } from '../doors/clauth/contract.ts'
import type { ClauthGrant } from '../doors/clauth/desk-contract.ts'
import type { AskedGrant, AskedRevocation } from '../doors/clauth/desk-routes.ts'
import { agentNameOf, skillIdOf } from '../doors/clauth/skill-name.ts'
import type { GrantView } from '../grants/contract.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import { readLabel } from '../policy/label.ts'
import type { Rooms } from '../rooms.ts'
import type { Actor } from '../storage/storage.ts'
import { skillAgent } from './clauth-skills.ts'

/** Throws Problem `service_unknown`, `label_invalid`, `credential_not_of_service`, `grant_invalid`. */
export async function giveClauthGrant(rooms: Rooms, asked: AskedGrant, by: Actor): Promise<ClauthGrant> {
  const { services, grants, vault } = rooms
  const service = services.find(asked.provider.toLowerCase())
  const agent = await skillAgent(rooms, asked.skillId, by)
  const wanted = {
    agent: agent.id,
    service,
    scopes: [],
    label: asked.scope,
    named: asked.handles ?? [],
    credentials: vault.list().filter((credential) => credential.service === service.id),
    rpm: asked.rateLimitPerMinute ?? DEFAULT_RPM,
  }
  const { id } = await grants.add(wanted, by)
  return shown(rooms, [...sameAs(rooms, grants.find(id))])
}

/** One for each skill, provider and scope, however often it was given and taken back. */
export function listClauthGrants(rooms: Rooms, skillId: string | undefined): ClauthGrant[] {
  const agent = skillId === undefined ? undefined : rooms.identity.findAgent(agentNameOf(skillId))?.id
  if (skillId !== undefined && agent === undefined) return []
  const labelled = rooms.grants.list(agent).filter(({ label }) => label !== undefined)
  const groups = Map.groupBy(labelled, (grant) => `${grant.agent} ${grant.service} ${grant.label}`)
  return [...groups.values()].map((group) => shown(rooms, group))
}

/** Gives how many were active. */
export async function revokeClauthGrants(
  rooms: Rooms,
  { skillId, provider, scope }: AskedRevocation,
  by: Actor,
): Promise<number> {
  const agent = rooms.identity.findAgent(agentNameOf(skillId))
  const service = provider === undefined ? undefined : rooms.services.find(provider.toLowerCase()).id
  const label = scope === undefined ? undefined : (readLabel(scope)?.text ?? scope)
  const meant = (grant: GrantView) =>
    grant.label !== undefined &&
    (service === undefined || grant.service === service) &&
    (label === undefined || grant.label === label)
  const live = agent === undefined ? [] : rooms.grants.list(agent.id).filter(({ status }) => status !== 'revoked')
  const ended = live.filter(meant)
  await Promise.all(ended.map(({ id }) => rooms.grants.revoke(id, by)))
  return ended.length
}

function* sameAs({ grants }: Rooms, given: GrantView): Iterable<GrantView> {
  for (const grant of grants.list(given.agent as never)) {
    if (grant.service === given.service && grant.label === given.label) yield grant
  }
}

/** `group`: all that were ever given of one kind, in their order; the last is the one that counts. */
function shown({ identity, services, vault }: Rooms, group: readonly GrantView[]): ClauthGrant {
  const newest = group.at(-1) as GrantView
  const agent = identity.findAgent(newest.agent)
  const named = newest.credentials ?? (newest.credential === undefined ? [] : [newest.credential])
  return {
    id: newest.id,
    skillId: agent === undefined ? newest.agent : skillIdOf(agent),
    provider: services.byId(newest.service as ServiceId)?.name ?? newest.service,
    scope: newest.label ?? '',
    rateLimitPerMinute: newest.rpm,
    active: newest.status === 'active',
    createdAt: new Date(group[0]?.createdAt ?? newest.createdAt).toISOString(),
    updatedAt: new Date(newest.revokedAt ?? newest.createdAt).toISOString(),
    handles: named.map((id) => vault.find(id as CredentialId)?.handle ?? id),
  }
}
