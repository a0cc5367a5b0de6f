import type { AgentId, CredentialId, ServiceId } from '../ground/ids.ts'
import type { CallAction } from './action.ts'

export const aCallAction = (over: Partial<CallAction> = {}): CallAction => ({
  kind: 'call',
  install: '0'.repeat(32),
  agent: { id: 'agent_0000000000000000000001' as AgentId, name: 'robot' },
  service: { id: 'srv_0000000000000000000001' as ServiceId, name: 'shop', version: 'ab'.repeat(32) },
  action: 'order.pay',
  risk: 'high',
  method: 'POST',
  origin: 'https://api.shop.test',
  path: '/v1/orders/7/pay',
  query: 'dry=0',
  headers: [['content-type', 'application/json']],
  body: { bytes: 17, sha256: 'cd'.repeat(32) },
  credential: { id: 'crd_0000000000000000000001' as CredentialId, handle: 'shop-live' },
  rules: [{ id: 'rul_0000000000000000000001', name: 'payments', version: 1 }],
  terms: { assurance: 'passkey', lifeSeconds: 900, uses: 1 },
  ...over,
})
