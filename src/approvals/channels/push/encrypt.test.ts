import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { describe, test } from 'node:test'
import { encryptPush } from './encrypt.ts'

const bytes = (text: string) => Buffer.from(text, 'base64url')

describe('encryptPush()', () => {
  test('gives the octets of RFC 8291 §5', () => {
    const own = createECDH('prime256v1')
    own.setPrivateKey(bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'))
    const to = {
      p256dh: bytes('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'),
      auth: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
    }
    const text = Buffer.from('When I grow up, I want to be a watermelon')
    const made = encryptPush(text, to, text.length, { own, salt: bytes('DGv6ra1nlYgDCS1FRnbzlw') })
    const wanted =
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN'
    assert.equal(made.toString('base64url'), wanted)
  })

  test('says nothing by its length, and never the same twice', () => {
    const browser = createECDH('prime256v1')
    const to = { p256dh: browser.generateKeys(), auth: Buffer.alloc(16, 7) }
    const [one, other] = ['{}', '{"id":"apr_1","over":true}'].map((text) => encryptPush(Buffer.from(text), to, 128))
    assert.equal(one?.length, other?.length)
    assert.notDeepEqual(encryptPush(Buffer.from('{}'), to, 128), one)
  })

  test('refuses a key that is on no curve', () => {
    const auth = Buffer.alloc(16)
    const point = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)])
    for (const p256dh of [point, Buffer.alloc(65), Buffer.alloc(64, 4)])
      assert.throws(() => encryptPush(Buffer.from('x'), { p256dh, auth }))
  })
})
