import './express-request';

export * from './unaugmented';
