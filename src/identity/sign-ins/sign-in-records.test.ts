import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attemptRecord } from './sign-in-records.ts'

const toldOf = (userAgent: string) => {
  const attempt = {
    address: 'local',
    door: 'native',
    form: 'jws',
    result: 'refused',
    rid: 'call_1',
    userAgent,
  } as const
  return (attemptRecord(attempt, { address: undefined, country: undefined }).ev as { userAgent?: string }).userAgent
}

test('a user agent is kept, and no token that stands in it (I-05)', () => {
  const plain = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36'
  assert.equal(toldOf(plain), plain)
  assert.equal(toldOf(''), undefined)
  const secret = 'x7Q2'.repeat(11)
  const tokens = [
    `rf_${secret}`,
    `svc_${secret}`,
    `clv_op_${'A1b2'.repeat(4)}_${secret}_abc123`,
    `eyJ${secret}.${secret}.${secret}`,
  ]
  for (const token of [...tokens, `whsec_${secret.replaceAll('Q', '/')}=`, `whsec_${secret.replaceAll('Q', '+')}=`]) {
    const text = toldOf(`curl/8 ${token} ${'b'.repeat(300)}`) ?? ''
    assert.ok(text.startsWith('curl/8 ') && text.length <= 256, text)
    assert.ok(!text.includes('x7'), text)
    // Cut where a record ends, it is shorter and still a part of it.
    assert.ok(!(toldOf(`${'b '.repeat(120)}${token}`) ?? '').includes('x7'), text)
  }
})
