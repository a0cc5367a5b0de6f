import { networkInterfaces } from 'node:os'

/** An address of this machine that is no loopback one: who asks there comes from beyond it, as far as a gateway can tell. */
export const ownAddress = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

/** Why tests that need one cannot run; undefined where they can. */
export const noOwnAddress =
  ownAddress === undefined ? 'this machine has loopback addresses alone: nobody can come from beyond it' : undefined
