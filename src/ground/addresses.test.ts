import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { addressBytes, addressSet, refusedAddress } from './addresses.ts'

const runs = process.env.PROVING === '1' ? 100_000 : 3_000

describe('refusedAddress()', () => {
  const refused = [
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.1.1.1',
    '240.0.0.1',
    '255.255.255.255',
    '168.63.129.16',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:0:127.0.0.1',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '64:ff9b:1::8.8.8.8',
    '2002:7f00:1::',
    '2002:a9fe:a9fe::1',
    'fc00::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '2001::1',
    '2001:0:1::',
    '2001:10::1',
    '2001:db8::1',
    '3fff::1',
    '100::1',
    '5f00::1',
    '4000::1',
  ]
  for (const ip of refused) test(`refuses ${ip}`, () => assert.equal(typeof refusedAddress(ip), 'string'))

  for (const ip of [
    '8.8.8.8',
    '1.1.1.1',
    '172.32.0.1',
    '168.63.129.17',
    '2606:4700:4700::1111',
    '2a00:1450::1',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ]) {
    test(`lets ${ip} pass`, () => assert.equal(refusedAddress(ip), undefined))
  }

  const odd = [
    '',
    '127.1',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '127.0.0.1.',
    ' 127.0.0.1',
    '8.8.8.8 ',
    '8.8.8.8/32',
    '１.1.1.1',
    '::1%lo',
    '[::1]',
    '1::2::3',
    ':::',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3',
    '::ffff:1.2.3',
    '::g',
    '1.2.3.4.5',
    '08.8.8.8',
    'localhost',
    '::1.2.3.4:1',
  ]
  for (const text of odd) {
    test(`takes ${JSON.stringify(text)} for no address`, () => assert.equal(refusedAddress(text), 'not an address'))
  }

  test('reads an address as Node does, or not at all', () => {
    const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.stringMatching(/^[0-9a-f:.%]{0,20}$/))
    fc.assert(
      fc.property(text, (ip) => assert.equal(addressBytes(ip) !== undefined, isIP(ip) !== 0 && !ip.includes('%'))),
      { numRuns: runs },
    )
  })

  test('agrees with net.BlockList on plain addresses', () => {
    const list = new BlockList()
    for (const cidr of [
      '0.0.0.0/8',
      '10.0.0.0/8',
      '100.64.0.0/10',
      '127.0.0.0/8',
      '169.254.0.0/16',
      '172.16.0.0/12',
      '192.0.0.0/24',
      '192.0.2.0/24',
      '192.88.99.0/24',
      '192.168.0.0/16',
      '198.18.0.0/15',
      '198.51.100.0/24',
      '203.0.113.0/24',
      '224.0.0.0/4',
      '240.0.0.0/4',
      '168.63.129.16/32',
    ]) {
      const [net, bits] = cidr.split('/')
      list.addSubnet(net!, Number(bits), 'ipv4')
    }
    fc.assert(
      fc.property(fc.ipV4(), (ip) => assert.equal(refusedAddress(ip) !== undefined, list.check(ip))),
      { numRuns: runs },
    )
  })
})

describe('addressSet()', () => {
  const home = addressSet(['127.0.0.0/8', '10.1.2.3', 'fd00::/8'])

  test('opens what it names, wrapped or not', () => {
    for (const ip of ['127.0.0.1', '10.1.2.3', 'fd12::1', '::ffff:127.0.0.1'])
      assert.equal(refusedAddress(ip, home), undefined)
    for (const ip of ['10.1.2.4', '192.168.0.1', '::1']) assert.equal(typeof refusedAddress(ip, home), 'string')
  })

  test('opens a metadata address only by its own name', () => {
    assert.equal(refusedAddress('fd00:ec2::254', home), 'metadata')
    assert.equal(refusedAddress('169.254.169.254', addressSet(['0.0.0.0/0'])), 'metadata')
    assert.equal(refusedAddress('169.254.169.254', addressSet(['169.254.169.254'])), undefined)
  })

  for (const cidr of [
    '',
    'x',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0/8',
    '::/129',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
  ]) {
    test(`refuses the range ${JSON.stringify(cidr)}`, () =>
      assert.throws(() => addressSet([cidr]), { code: 'address_range_invalid' }))
  }
})
