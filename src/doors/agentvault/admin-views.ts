// `/vault.admin.listTemplates` and `listServices` (§1.6): what there is, and never a secret.
import type { CompiledService } from './compiled-service.ts'
import { VAULT_ADMIN, type VaultNeeds } from './needs.ts'
import { templateNames } from './vault-templates.ts'

export async function listTemplates(needs: VaultNeeds): Promise<object> {
  const templates = templateNames()
  await looked(needs, 'admin.listTemplates', templates.length)
  return { templates }
}

export async function listServices(needs: VaultNeeds): Promise<object> {
  const services = needs.book.services().map(shown)
  await looked(needs, 'admin.listServices', services.length)
  return { services }
}

function shown({ name, definition }: CompiledService): object {
  const { baseUrl, secretRef = null, authHeader = null, allowedAgents, allowedActions, allowedScopes } = definition
  const { agentScopes, endpoints } = definition
  const lists = { allowedAgents, allowedActions, allowedScopes, ...(agentScopes !== undefined && { agentScopes }) }
  return { service: name, baseUrl, secretRef, authHeader, ...lists, endpointNames: Object.keys(endpoints) }
}

async function looked({ audit }: VaultNeeds, event: string, count: number): Promise<void> {
  await audit.append({ type: 'config', actor: VAULT_ADMIN, ev: { event, count } })
}
