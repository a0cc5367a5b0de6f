// Writes the folder of an installation of agentic-credential-vault from its contract (§3, §5) alone.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Files by their path in the folder; objects as JSON. */
export function writeVaultInstallation(folder: string, files: Readonly<Record<string, object | string>>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2), { mode: 0o600 })
  }
  return folder
}

/** A service file as the contract shows one. */
export function serviceFile(name: string, baseUrl: string, more: object = {}) {
  return {
    ...{ baseUrl, secretRef: `${name}_key`, authHeader: 'X-Api-Key', authScheme: 'Token' },
    allowedAgents: ['main'],
    allowedActions: ['issue', 'data.get'],
    allowedScopes: [`${name}:data:read`],
    agentScopes: { limited: [] },
    endpoints: {
      'data.get': { method: 'GET', path: '/v/data/{id}', requiredScope: [`${name}:data:read`], headers: {} },
    },
    ...more,
  }
}
