import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importJWK, jwtVerify } from 'jose'
import { Secret } from '../../../ground/secret.ts'
import { newVapidKey, vapidHeader } from './vapid.ts'

test('vapidHeader() is for one push service, ends, and holds by the key that browsers subscribe with (RFC 8292)', async () => {
  const { secret, publicKey } = newVapidKey()
  const now = Date.UTC(2026, 10, 21)
  const about = { publicKey, origin: 'https://push.example.com', contact: 'mailto:ann@example.com' }
  const kept = Buffer.from(secret.reveal())
  const opened = () => new Secret(Buffer.from(kept))
  const header = await vapidHeader(opened(), about, now)
  const [, token = '', key = ''] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header) ?? []
  assert.equal(key, publicKey)
  const point = Buffer.from(key, 'base64url')
  assert.equal(point.length, 65)
  const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')]
  const verified = await jwtVerify(token, await importJWK({ kty: 'EC', crv: 'P-256', x, y }, 'ES256'), {
    audience: about.origin,
    typ: 'JWT',
    currentDate: new Date(now),
  })
  assert.equal(verified.payload.sub, about.contact)
  const left = Number(verified.payload.exp) - now / 1_000
  assert.ok(left > 0 && left <= 86_400, String(left))
  const without = await vapidHeader(opened(), { ...about, contact: undefined }, now)
  const claims = JSON.parse(Buffer.from(without.split('.')[1] as string, 'base64url').toString()) as object
  assert.deepEqual(Object.keys(claims), ['aud', 'exp'])
})
