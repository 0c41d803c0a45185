// public/io/xenbus.h — a split device's life, in its "state" node

export const XenbusStateUnknown = 0;
export const XenbusStateInitialising = 1;
export const XenbusStateInitWait = 2; // the backend waits for the frontend's details
export const XenbusStateInitialised = 3; // the frontend waits for the backend
export const XenbusStateConnected = 4;
export const XenbusStateClosing = 5;
export const XenbusStateClosed = 6;
export const XenbusStateReconfiguring = 7;
export const XenbusStateReconfigured = 8;
