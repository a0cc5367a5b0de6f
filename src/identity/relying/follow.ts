import type { AgentId } from '../../ground/ids.ts'
import type { Change } from '../../storage/storage.ts'
import type { RelyingId } from './contract.ts'
import type { RelyingDirectory } from './relying-directory.ts'
import type { AssignmentRow, KeyRow, ReportRow, RoleRow, ServiceRow } from './store.ts'
import type { TrustLedger } from './trust-ledger.ts'

/** What an agent was given, or what was taken from it: for whoever follows `role_assignment` changes. */
export interface RoleChange {
  readonly agent: AgentId
  readonly service: RelyingId
  readonly role: string
  readonly assigned: boolean
  readonly row?: AssignmentRow
}

/** What the changes of this part hand to followers, by `kind`. */
export interface RelyingChanges {
  /** One was added or removed; two when the default moves. */
  readonly relying: readonly ServiceRow[]
  readonly relying_keys: readonly KeyRow[]
  /** A role was made or changed, or removed from everybody who had it. */
  readonly relying_role: { readonly service: RelyingId; readonly role: string; readonly row?: RoleRow }
  readonly role_assignment: RoleChange
  readonly trust_report: ReportRow
  /** Everything about an agent is gone. */
  readonly relying_agent_forgotten: { readonly agent: AgentId }
}

type Models = { readonly directory: RelyingDirectory; readonly ledger: TrustLedger }
type Follower = { readonly [Kind in keyof RelyingChanges]: (models: Models, after: RelyingChanges[Kind]) => void }

const followers: Follower = {
  relying: ({ directory, ledger }, rows) => {
    for (const row of rows) directory.putService(row)
    ledger.servicesChanged()
  },
  relying_keys: ({ directory }, rows) => {
    for (const row of rows) directory.putKey(row)
  },
  relying_role: ({ directory }, { service, role, row }) => {
    if (row === undefined) directory.removeRole(service, role)
    else directory.putRole(row)
  },
  role_assignment: ({ directory }, { agent, service, role, row }) => {
    if (row === undefined) directory.removeAssignment(agent, service, role)
    else directory.putAssignment(row)
  },
  trust_report: ({ ledger }, row) => ledger.put(row),
  relying_agent_forgotten: ({ directory, ledger }, { agent }) => {
    directory.forgetAgent(agent)
    ledger.forgetAgent(agent)
  },
}

/** Brings the read-models up to date with one commit; changes of others are none of their business. */
export function followRelying(models: Models, { kind, after }: Change): void {
  if (Object.hasOwn(followers, kind)) followers[kind as keyof Follower](models, after as never)
}
