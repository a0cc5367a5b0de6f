export type Value = 1
