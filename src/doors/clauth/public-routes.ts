import type { PlainRoute } from '../../http/plain-routes.ts'
import { CONTRACT_VERSION } from './contract.ts'
import { drawIcon } from './icon.ts'
import type { ClauthNeeds } from './needs.ts'

const HTML = { 'content-type': 'text/html; charset=utf-8' }
const PNG = { 'content-type': 'image/png', 'cache-control': 'public, max-age=86400' }

/** Sides of the icons, in pixels. */
export const icons: Readonly<Record<`/${string}`, number>> = {
  '/favicon.png': 64,
  '/favicon-32.png': 32,
  '/apple-touch-icon.png': 180,
  '/icon-192.png': 192,
  '/icon-512.png': 512,
  '/logo.png': 256,
}

/** The routes that everybody may see (clauth.md §2.1). They tell nothing of anyone. */
export function publicRoutes(needs: ClauthNeeds): PlainRoute[] {
  const get = (path: PlainRoute['path'], handle: PlainRoute['handle']): PlainRoute => ({ method: 'GET', path, handle })
  return [
    get('/health', () => ({ status: 200, body: needs.healthOf() })),
    get('/', () => ({ status: 200, headers: HTML, body: Buffer.from(needs.page()) })),
    get('/dashboard', () => ({ status: 200, headers: HTML, body: Buffer.from(needs.page()) })),
    get('/clauth/v1/capabilities', ({ client }) => ({ status: 200, body: capabilities(client.unixSocket) })),
    get('/clauth/v1/status', ({ client }) => ({ status: 200, body: statusOf(needs, client.unixSocket) })),
    ...Object.entries(icons).map(([path, side]) =>
      get(path as PlainRoute['path'], () => ({ status: 200, headers: PNG, body: drawIcon(side) })),
    ),
  ]
}

const transportOf = (unixSocket: boolean) => (unixSocket ? 'unix' : 'tcp')

function capabilities(unixSocket: boolean) {
  return {
    product: 'clauth',
    version: CONTRACT_VERSION,
    brokeredExecution: true,
    endpointPolicyEnforced: true,
    transport: transportOf(unixSocket),
    requireSkillToken: true,
    // Until proofs of outside accounts are there.
    supportsIdentityBroker: false,
    supportedProofMethods: [],
  }
}

function statusOf(needs: ClauthNeeds, unixSocket: boolean) {
  return {
    vaultUnlocked: needs.unlocked(),
    transport: transportOf(unixSocket),
    daemon: needs.daemon(unixSocket),
    requireSkillToken: true,
    ...needs.counts(),
    auditIntegrity: needs.auditIntegrity(),
  }
}
