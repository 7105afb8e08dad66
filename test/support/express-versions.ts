import express5 from 'express';

/** The majors of Express that applications run: every behaviour is tested on both. */
export const expresses: readonly (readonly [string, typeof express5])[] = [
  ['Express 5', express5],
  ['Express 4', jest.requireActual('express4')],
];
