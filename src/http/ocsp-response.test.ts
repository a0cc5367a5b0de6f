import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { Authority, type Issued, noOpenssl } from '../../test/instruments/certificates.ts'
import { bareSerial, readOcspResponse } from './ocsp-response.ts'

describe('readOcspResponse()', { skip: noOpenssl() }, () => {
  let authority: Authority
  let issued: Issued
  let good: Buffer
  before(() => {
    authority = new Authority()
    issued = authority.issue()
    good = readFileSync(authority.ocsp(issued))
  })
  after(() => authority?.[Symbol.dispose]())

  test('reads what openssl wrote', () => {
    const [answer, ...others] = readOcspResponse(good) ?? []
    assert.deepEqual([answer?.serial, answer?.status, others.length], [bareSerial(issued.serial), 'good', 0])
    assert.equal((answer?.until ?? 0) - (answer?.from ?? 0), 86_400_000)
    assert.equal(readOcspResponse(readFileSync(authority.ocsp(issued, 'revoked')))?.[0]?.status, 'revoked')
  })

  test('knows a certificate by its serial number, however many zeros begin it', () => {
    for (const serial of ['0A01', '00FF', '7F'].map((start) => `${start}E796A8AD9080ADA6FBABE77962`)) {
      const issued = authority.issue({ serial })
      const [answer] = readOcspResponse(readFileSync(authority.ocsp(issued))) ?? []
      const { serialNumber } = new X509Certificate(readFileSync(issued.cert))
      assert.equal(answer?.serial, bareSerial(serialNumber))
    }
  })

  const none: readonly (readonly [name: string, hex: string])[] = [
    ['nothing', ''],
    ['unauthorized, RFC 6960 §2.3', '30030a0106'],
    ['successful without a response', '30030a0100'],
    ['an endless length', '3080'],
    ['a length of four bytes', '3084ffffffff'],
    ['no DER', '48656c6c6f'],
  ]
  for (const [name, hex] of none)
    test(`finds no answer in ${name}`, () => assert.equal(readOcspResponse(Buffer.from(hex, 'hex')), undefined))

  test('finds none in what is broken off, and never throws', () => {
    for (let length = 0; length < good.length; length++)
      assert.equal(readOcspResponse(good.subarray(0, length)), undefined)
    const spoilt = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(spoilt, (changes) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        readOcspResponse(bytes)
      }),
      { numRuns: 2_000 },
    )
  })
})
