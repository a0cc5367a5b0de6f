import { canonicalJson } from '../../ground/canonical-json.ts'
import type { AgentId } from '../../ground/ids.ts'
import type { Actor, ChangeRecord, Tx } from '../../storage/storage.ts'
import {
  type AssignmentView,
  MAX_PERMISSIONS,
  MAX_ROLES,
  MAX_ROLES_OF_AGENT,
  PERMISSION_PATTERN,
  type RelyingEntry,
  ROLE_PATTERN,
  type RoleView,
  relyingProblem,
} from './contract.ts'
import type { RoleChange } from './follow.ts'
import type { Assignment, RelyingService, Role } from './relying-directory.ts'
import { type RelyingRoom, requireAgent, requireService } from './relying-room.ts'
import { requireRow } from './services.ts'
import { type AssignmentRow, assignmentRowId, get, idsWhere, put, removeWhere, roleRowId } from './store.ts'

/** No later time has a date (ECMA-262 §21.4.1.1): nobody could be told of it. */
const LAST_DATE = 8_640_000_000_000_000

export interface RolesOf {
  readonly roles: string[]
  /** What the roles permit together, each once, in order. */
  readonly permissions: string[]
}

/** Makes a role of a service, or gives it other permissions. Throws Problems `relying_unknown`, `role_invalid`, `roles_too_many`. */
export async function setRole(
  room: RelyingRoom,
  asked: { readonly service: string; readonly role: string; readonly permissions: readonly string[] },
  by: Actor,
): Promise<RoleView> {
  const service = requireService(room, asked.service)
  const permissions = [...new Set(asked.permissions)].sort()
  const sound = permissions.length <= MAX_PERMISSIONS && permissions.every((one) => PERMISSION_PATTERN.test(one))
  if (!ROLE_PATTERN.test(asked.role) || !sound) throw relyingProblem('role_invalid')
  const id = roleRowId(service.id, asked.role)
  await room.storage.write(async (tx) => {
    await requireRow(tx, service.id)
    const known = await get(tx, 'relying_roles', id)
    const count = (await idsWhere(tx, 'relying_roles', { service: service.id })).length
    if (known === undefined && count >= MAX_ROLES) throw relyingProblem('roles_too_many')
    const row = {
      id,
      service: service.id,
      role: asked.role,
      permissions: canonicalJson(permissions),
      created_at: known?.created_at ?? room.clock.now(),
    }
    await put(tx, 'relying_roles', row)
    const ev = { what: 'role.set', service: service.id, role: asked.role, permissions }
    const after = { service: service.id, role: asked.role, row }
    await tx.change({ kind: 'relying_role', ref: id, after, record: { type: 'grant', actor: by, ev } })
  })
  return viewRole(requireRole(room, service, asked.role))
}

/** Removes a role, from everybody who has it. Gives how many that were. Throws `relying_unknown`, `role_unknown`. */
export async function removeRole(room: RelyingRoom, serviceName: string, role: string, by: Actor): Promise<number> {
  const service = requireService(room, serviceName)
  requireRole(room, service, role)
  const id = roleRowId(service.id, role)
  return room.storage.write(
    async (tx) => {
      await tx.remove('relying_roles', id)
      const assignments = await removeWhere(tx, 'role_assignments', { service: service.id, role })
      const record: ChangeRecord = {
        type: 'revoke',
        actor: by,
        ev: { what: 'role.removed', service: service.id, role, assignments },
      }
      await tx.change({ kind: 'relying_role', ref: id, after: { service: service.id, role }, record })
      return assignments
    },
    { urgent: true },
  )
}

export interface NewAssignment {
  readonly service: string
  /** Id or name. */
  readonly agent: string
  readonly role: string
  /** Milliseconds since 1970; without one it lasts until it is taken back. */
  readonly expiresAt?: number | undefined
}

/**
 * Gives an agent a role of the service; again gives it a new end. `created` is false where the agent had it. Throws Problems
 * `relying_unknown`, `agent_unknown`, `agent_not_eligible`, `role_unknown`, `role_of_other_service`, `role_end_invalid`,
 * `roles_too_many`.
 */
export async function assignRole(
  room: RelyingRoom,
  asked: NewAssignment,
  by: Actor,
): Promise<{ readonly assignment: AssignmentView; readonly created: boolean }> {
  const now = room.clock.now()
  const service = requireService(room, asked.service)
  const agent = requireAgent(room, asked.agent)
  requireRole(room, service, asked.role)
  if (agent.status === 'pending' || agent.status === 'revoked') throw relyingProblem('agent_not_eligible')
  const { expiresAt } = asked
  if (expiresAt !== undefined && !(Number.isSafeInteger(expiresAt) && expiresAt > now && expiresAt <= LAST_DATE))
    throw relyingProblem('role_end_invalid')
  const id = assignmentRowId(agent.id, service.id, asked.role)
  const names = { service: service.id, agent: agent.id, role: asked.role }
  const row: AssignmentRow = { id, ...names, expires_at: expiresAt ?? null, created_at: now }
  const created = await room.storage.write(async (tx) => {
    const isNew = await assignInto(tx, row, now)
    const record: ChangeRecord = { type: 'grant', actor: by, ev: { what: 'role.assigned', ...names, expiresAt } }
    const after: RoleChange = { ...names, assigned: true, row }
    await tx.change({ kind: 'role_assignment', ref: id, after, record })
    return isNew
  })
  const assignment = { ...names, expiresAt, createdAt: now }
  return { assignment: viewAssignment(assignment, { agent: agent.name, service: service.name }, now), created }
}

/** Writes it; true if the agent did not have the role. */
async function assignInto(tx: Tx, row: AssignmentRow, now: number): Promise<boolean> {
  if ((await get(tx, 'relying_roles', roleRowId(row.service, row.role))) === undefined)
    throw relyingProblem('role_unknown')
  const known = await get(tx, 'role_assignments', row.id)
  if (known === undefined) {
    const held = await idsWhere(tx, 'role_assignments', { agent: row.agent, service: row.service })
    if (held.length >= MAX_ROLES_OF_AGENT) throw relyingProblem('roles_too_many')
  }
  await put(tx, 'role_assignments', row)
  return known === undefined || (known.expires_at !== null && known.expires_at <= now)
}

/**
 * Takes a role back. Throws Problems `relying_unknown`, `agent_unknown`, `role_not_assigned`, `role_of_other_service`.
 */
export async function revokeRole(
  room: RelyingRoom,
  asked: { readonly service: string; readonly agent: string; readonly role: string },
  by: Actor,
): Promise<void> {
  const service = requireService(room, asked.service)
  const agent = requireAgent(room, asked.agent)
  const given = service.roles.get(asked.role)?.given.get(agent.id)
  if (given === undefined) {
    requireRole(room, service, asked.role)
    throw relyingProblem('role_not_assigned')
  }
  const id = assignmentRowId(agent.id, service.id, asked.role)
  const names = { service: service.id, agent: agent.id, role: asked.role }
  await room.storage.write(
    async (tx) => {
      await tx.remove('role_assignments', id)
      const record: ChangeRecord = { type: 'revoke', actor: by, ev: { what: 'role.revoked', ...names } }
      await tx.change({ kind: 'role_assignment', ref: id, after: { ...names, assigned: false }, record })
    },
    { urgent: true },
  )
}

/** What the agent has at the service at `now`. From memory; nothing of a service or role that is gone. */
export function rolesOf({ directory }: RelyingRoom, agent: string, service: string, now: number): RolesOf {
  const roles: string[] = []
  const permissions = new Set<string>()
  for (const given of directory.assignments(agent)) {
    if (given.service !== service || hasEnded(given, now)) continue
    const role = directory.service(service)?.roles.get(given.role)
    if (role === undefined) continue
    roles.push(role.id)
    for (const permission of role.permissions) permissions.add(permission)
  }
  return { roles: roles.sort(), permissions: [...permissions].sort() }
}

export function listRoles(service: RelyingService): RoleView[] {
  return Array.from(service.roles.values(), viewRole)
}

/** Of one agent, or of all. */
export function listAssignments(room: RelyingRoom, service: RelyingService, agent?: AgentId): AssignmentView[] {
  const now = room.clock.now()
  return [...service.roles.values()]
    .flatMap(({ given }) => [...given.values()])
    .filter((one) => agent === undefined || one.agent === agent)
    .map((one) => viewAssignment(one, { agent: room.agentOf(one.agent)?.name, service: service.name }, now))
}

/** Throws Problems `role_unknown`, or `role_of_other_service` where another service has one of that name. */
function requireRole({ directory }: RelyingRoom, service: RelyingEntry, id: string): Role {
  const role = directory.service(service.id)?.roles.get(id)
  if (role !== undefined) return role
  for (const { roles } of directory.services()) if (roles.has(id)) throw relyingProblem('role_of_other_service')
  throw relyingProblem('role_unknown')
}

function viewRole({ id, permissions, createdAt, given }: Role): RoleView {
  return { id, permissions: [...permissions], createdAt, agents: given.size }
}

function viewAssignment(
  assignment: Assignment,
  names: { readonly agent: string | undefined; readonly service: string },
  now: number,
): AssignmentView {
  const { expiresAt, ...rest } = assignment
  return {
    ...rest,
    ...(names.agent !== undefined && { agentName: names.agent }),
    serviceName: names.service,
    ...(expiresAt !== undefined && { expiresAt }),
    expired: hasEnded(assignment, now),
  }
}

function hasEnded({ expiresAt }: Assignment, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now
}
