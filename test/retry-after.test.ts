// Whoever is told to come back later (429) is told when, whatever dialect it speaks (RFC 6585 §4).
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Gateway } from './instruments/gateway.ts'
import { KeyAgent } from './instruments/key-agent.ts'
import type { Reply } from './instruments/send.ts'
import { asAdmin, done, serviceForm, VaultAgent, vaultEnv } from './instruments/vault-client.ts'

describe('429 says when to come back', () => {
  let gateway: Gateway
  let keyed: KeyAgent
  let vault: VaultAgent
  before(async () => {
    gateway = await Gateway.start({
      env: {
        ...vaultEnv,
        CLAVIGER_TRUSTED_PROXIES: '127.0.0.1',
        CLAVIGER_LIMIT_AUTHENTICATE: '1/min',
        CLAVIGER_LIMIT_CHALLENGE: '1/min',
        CLAVIGER_LIMIT_REFRESH: '1/min',
        CLAVIGER_VAULT_ISSUES_PER_MINUTE: '1',
      },
    })
    keyed = await KeyAgent.add(gateway, 'keyed')
    vault = await VaultAgent.add(gateway, 'vaulted')
    done(await asAdmin(gateway, 'addService', { ...serviceForm('shop', 'https://shop.example'), secretRef: null }))
  })
  after(() => gateway[Symbol.asyncDispose]())

  const headers = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' }
  const json = (path: string, body: object) =>
    gateway.agent('POST', path, {
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const form = (body: Record<string, string>) =>
    gateway.agent('POST', '/oauth/token', {
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(body).toString(),
    })
  const assertion = async () => ({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await keyed.assertion(),
  })

  const cases: readonly (readonly [string, () => Promise<Reply>])[] = [
    ['/oauth/token', async () => form({ grant_type: 'client_credentials', ...(await assertion()) })],
    ['/claviger/v1/auth/challenge', () => json('/claviger/v1/auth/challenge', { agentId: keyed.id })],
    ['/auth/challenge of ClawAuth', () => json('/auth/challenge', { agentId: keyed.id })],
    ['/vault.issueToken', () => vault.ask({ service: 'shop', scope: ['shop:data:read'] })],
  ]
  for (const [name, ask] of cases) {
    test(name, async () => {
      let reply = await ask()
      for (let n = 0; n < 3 && reply.status !== 429; n += 1) reply = await ask()
      assert.equal(reply.status, 429, reply.text())
      const seconds = Number(reply.headers['retry-after'])
      assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, String(reply.headers['retry-after']))
    })
  }
})
