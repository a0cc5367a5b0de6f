import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { addressText, setHolds } from './address-text.ts'
import { addressSet } from './addresses.ts'

describe('addressText()', () => {
  const spellings: readonly (readonly [text: string, one: string | undefined])[] = [
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:102:304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
    ['::1.2.3.4', '::102:304'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0::0', '::'],
    ['01.2.3.4', undefined],
    ['1.2.3', undefined],
    ['fe80::1%eth0', undefined],
    ['[::1]', undefined],
    ['unix', undefined],
    ['', undefined],
  ]
  for (const [text, one] of spellings) test(`'${text}' is ${one}`, () => assert.equal(addressText(text), one))

  test('writes every IPv6 address as the URL standard does', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = groups.map((one) => one.toString(16).padStart(4, '0').toUpperCase()).join(':')
        fc.pre(!groups.slice(0, 5).every((one) => one === 0) || groups[5] !== 0xffff)
        assert.equal(`[${addressText(text)}]`, new URL(`http://[${text}]/`).hostname)
      }),
    )
  })
})

describe('setHolds()', () => {
  const set = addressSet(['10.0.0.0/8', '2001:db8::/32'])
  const table: readonly (readonly [text: string, holds: boolean])[] = [
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['11.1.2.3', false],
    ['2001:DB8:0:0::1', true],
    ['2001:db9::1', false],
    ['10.1.2', false],
    ['unix', false],
  ]
  for (const [text, holds] of table) test(`${text}: ${holds}`, () => assert.equal(setHolds(set, text), holds))
})
