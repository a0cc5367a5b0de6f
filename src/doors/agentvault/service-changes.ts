// What becomes of a service of the vault in every room that has a part of it: in one transaction, or not at all (AV-14).
import type { CredentialId } from '../../ground/ids.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import { CompiledService, toldOf } from './compiled-service.ts'
import { type JsonObject, REF_META, type ServiceRecord, type VaultService } from './contract.ts'
import type { DoorGrants } from './door-grants.ts'
import { DoorSecrets } from './door-secrets.ts'
import { refuseSelfNamed } from './named-agents.ts'
import { nativeService } from './native-service.ts'
import { type AdminNeeds, type Made, VAULT_ADMIN } from './needs.ts'
import { redactedBody } from './redact-body.ts'
import { refused } from './refusal.ts'
import { putService, removeService } from './store.ts'
import { worded } from './worded.ts'

/** Of which request it comes, for its record. */
export interface Facts {
  readonly body: JsonObject
  readonly template?: string
  readonly made?: Made | undefined
}

export class ServiceChanges {
  readonly #needs: AdminNeeds
  readonly #grants: DoorGrants

  constructor(needs: AdminNeeds, grants: DoorGrants) {
    this.#needs = needs
    this.#grants = grants
  }

  async add(
    name: string,
    definition: VaultService,
    secret: string | undefined,
    event: string,
    facts: Facts,
  ): Promise<void> {
    const { storage, services, clock, addresses } = this.#needs
    refuseSelfNamed(this.#needs, definition)
    const now = clock.now()
    const { by = VAULT_ADMIN } = facts.made ?? {}
    const service = await worded(() =>
      storage.write(async (tx) => {
        const native = await services.add(nativeService(name, definition, addresses), by, tx)
        const { secretRef: ref } = definition
        const secrets = new DoorSecrets(this.#needs, facts.made)
        if (ref !== undefined && secret !== undefined && !secrets.stays(ref, facts.made)) {
          await secrets.put(ref, secret, [native], 'MASTERSECRET_INVALID', tx)
        } else if (ref !== undefined) await secrets.give(ref, native, tx)
        const record: ServiceRecord = { id: native.id, name, definition, createdAt: now, updatedAt: now }
        await putService(tx, record)
        await told(
          tx,
          native.id,
          record,
          event,
          { ...toldOf(new CompiledService(record, undefined)), ...shown(facts) },
          by,
        )
        return native.id
      }),
    )
    await this.#grantNamed(service)
  }

  /**
   * Throws `BASEURL_HAS_OTHER_CREDENTIALS` where the origin changes and somebody else's credential lies on the service: the
   * door's admin moves what the door stored, and nothing that an operator sealed for the old origin.
   */
  async replace(
    old: CompiledService,
    definition: VaultService,
    secret: string | undefined,
    event: string,
    facts: Facts,
  ): Promise<void> {
    const { storage, services, vault, clock } = this.#needs
    refuseSelfNamed(this.#needs, definition, old.definition)
    // Of one moment with another change it must not be: what was made for the one is not good for the other.
    const updatedAt = Math.max(clock.now(), old.record.updatedAt + 1)
    const secrets = new DoorSecrets(this.#needs)
    await worded(() =>
      storage.write(async (tx) => {
        await this.#grants.withdraw(old.id, tx)
        const input = this.#nativeOf(old, definition)
        const { service: native, newOrigins } = await services.replace(old.id, input, VAULT_ADMIN, tx)
        const { secretRef: ref } = definition
        const otherRef = ref !== old.definition.secretRef
        if (otherRef) await secrets.release(old.id, tx)
        await vault.rebind(old.id, newOrigins, VAULT_ADMIN, tx, refuseForeign)
        if (ref !== undefined && secret !== undefined) {
          await secrets.put(ref, secret, [native], 'MASTERSECRET_INVALID', tx)
        } else if (ref !== undefined && otherRef) await secrets.give(ref, native, tx)
        const record: ServiceRecord = { ...old.record, definition, updatedAt }
        await putService(tx, record)
        const ev = { ...toldOf(new CompiledService(record, undefined)), ...shown(facts) }
        await told(tx, old.id, record, event, ev)
      }),
    )
    await this.#grantNamed(old.id)
  }

  async remove(service: CompiledService, event: string, facts: Facts): Promise<void> {
    const { storage, services, grants } = this.#needs
    await storage.write(
      async (tx) => {
        await this.#grants.withdraw(service.id, tx)
        await grants.revokeOfService(service.id, VAULT_ADMIN, tx)
        await new DoorSecrets(this.#needs).removeOf(service.id, tx)
        await services.remove(service.id, VAULT_ADMIN, tx)
        await removeService(tx, service.id)
        await told(tx, service.id, undefined, event, { ...toldOf(service), ...shown(facts) })
      },
      { urgent: true },
    )
  }

  /** What an operator said of the service in the house's own words, and this door has no word for, stays. */
  #nativeOf(old: CompiledService, definition: VaultService) {
    const { services, addresses } = this.#needs
    const { plainQuery, auditMode, addresses: own } = services.find(old.id).view
    const made = nativeService(old.name, definition, addresses)
    return {
      ...made,
      ...(own !== undefined && { addresses: own }),
      ...(plainQuery !== undefined && { plainQuery }),
      ...(auditMode !== undefined && { auditMode }),
    }
  }

  /** Agents that are named have their grants at once; those that `*` means, when they first come. */
  async #grantNamed(id: ServiceRecord['id']): Promise<void> {
    const { book, identity } = this.#needs
    const service = book.services().find((one) => one.id === id)
    for (const name of service?.allowedAgents ?? []) {
      const agent = name === '*' ? undefined : identity.findAgent(name)
      const gone = agent?.status !== 'active' || book.isRevoked('agent', agent.id, agent.id)
      if (!gone && service !== undefined) await this.#grants.ensure(agent, service)
    }
  }
}

/** What carries this door's mark it stored itself. */
function refuseForeign({ meta }: { readonly id: CredentialId; readonly meta: Readonly<Record<string, string>> }): void {
  if (meta[REF_META] === undefined) throw refused('BASEURL_HAS_OTHER_CREDENTIALS')
}

async function told(
  tx: Tx,
  id: ServiceRecord['id'],
  after: ServiceRecord | undefined,
  event: string,
  ev: object,
  actor: Actor = VAULT_ADMIN,
): Promise<void> {
  const record = { type: 'config', actor, ev: { ...ev, event } }
  await tx.change({ kind: 'agentvault_service', ref: id, after, record })
}

const shown = ({ body, template }: Facts) => ({ body: redactedBody(body), ...(template !== undefined && { template }) })
